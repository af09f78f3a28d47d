#include "proxy/http2/server_session.h"
#include "tests/unit/http2/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {
namespace {

using test::frame;
using test::kEndHeaders;
using test::kEndStream;
using test::Kind;
using test::Received;
using testing::ElementsAre;
using testing::IsEmpty;

/// A stream that notes what it is told, and has a body to send.
class Stream final : public StreamEvents {
 public:
  explicit Stream(BlockPool& blocks) : blocks_(blocks) {}

  void on_field(std::string_view name, std::string_view value) override {
    fields += std::string(name) + "=" + std::string(value) + ";";
  }
  void on_head(End last) override { head = last; }
  void on_data(std::string_view bytes) override { data += bytes; }
  void on_end() override { ended = true; }
  void on_closed(ErrorCode code, EndedBy /*by*/) override { closed = code; }
  [[nodiscard]] std::size_t waiting() const override { return body.bytes(); }
  void move_body(std::size_t size, SliceQueue& to) override { body.move_front(size, blocks_, to); }
  [[nodiscard]] End body_end() const override { return end; }
  [[nodiscard]] std::span<const FieldView> trailers() override { return trailer_fields; }
  void on_sent_end() override { sent_end = true; }

  std::string fields;
  std::optional<End> head;
  std::string data;
  bool ended = false;
  std::optional<ErrorCode> closed;
  SliceQueue body;
  End end = End::no;
  std::vector<FieldView> trailer_fields;
  bool sent_end = false;

 private:
  BlockPool& blocks_;
};

class SessionTest : public testing::Test, protected ServerEvents {
 protected:
  SessionTest() : session_(*this, limits(), memory_) { EXPECT_TRUE(receive(greeting())); }

  static ServerLimits limits() {
    ServerLimits limits;
    limits.streams = 3;
    limits.header_block = 4'000;
    return limits;
  }
  static std::string greeting() {
    return std::string(test::kPreface) + frame(Kind::settings, 0, 0, "");
  }

  StreamEvents* on_request(StreamId id) override {
    if (refuses_) return nullptr;
    return (streams_[id] = std::make_unique<Stream>(blocks_)).get();
  }
  void on_pong() override { ++pongs_; }

  [[nodiscard]] bool receive(std::string_view bytes) { return session_.receive(bytes, now_); }
  /// What has been written since the last call, without SETTINGS and the connection's window.
  std::vector<Received> sent() {
    SliceQueue queue;
    session_.produce(queue, blocks_, std::size_t{1} << 24U);
    std::string bytes;
    std::array<iovec, 64> vectors{};
    while (!queue.empty()) {
      const std::size_t count = queue.gather(vectors);
      std::size_t size = 0;
      for (std::size_t i = 0; i < count; ++i) {
        bytes.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
        size += vectors[i].iov_len;
      }
      queue.consume(size);
    }
    std::vector<Received> frames = test::parse(bytes);
    std::erase_if(frames, [](const Received& one) {
      return one.kind == Kind::settings || (one.kind == Kind::window_update && one.id == 0);
    });
    return frames;
  }
  /// The only frame that was sent of this kind.
  Received only(Kind kind) {
    std::vector<Received> frames = sent();
    std::erase_if(frames, [kind](const Received& one) { return one.kind != kind; });
    EXPECT_EQ(frames.size(), 1U);
    return frames.empty() ? Received{} : frames.front();
  }
  void expect_goaway(ErrorCode code) {
    EXPECT_EQ(only(Kind::goaway).code(), code);
    EXPECT_TRUE(session_.is_over());
  }
  Stream& stream(StreamId id) { return *streams_.at(id); }
  void respond(StreamId id, std::string_view body, End end = End::yes) {
    const std::vector<FieldView> fields{{":status", "200"}};
    stream(id).body.push_copy(blocks_, body);
    stream(id).end = end;
    session_.send_head(id, fields, End::no);
  }

  BlockPool blocks_;
  SessionMemory memory_;
  Instant now_{1'000};
  bool refuses_ = false;
  unsigned pongs_ = 0;
  std::map<StreamId, std::unique_ptr<Stream>> streams_;
  ServerSession session_;
};

TEST_F(SessionTest, ARequestAndItsResponse) {
  EXPECT_TRUE(receive(test::request(1)));
  EXPECT_EQ(stream(1).fields, ":method=GET;:scheme=http;:authority=a;:path=/;");
  EXPECT_EQ(stream(1).head, End::yes);
  respond(1, "hello");
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].kind, Kind::headers);
  EXPECT_EQ(frames[1].kind, Kind::data);
  EXPECT_EQ(frames[1].payload, "hello");
  EXPECT_EQ(frames[1].flags & kEndStream, kEndStream);
  EXPECT_TRUE(stream(1).sent_end);
  EXPECT_EQ(stream(1).closed, ErrorCode::no_error);
}

TEST_F(SessionTest, BytesComeInAnyPieces) {
  const std::string bytes = test::request(1, kEndHeaders) + frame(Kind::data, 0, 1, "hello ") +
                            frame(Kind::data, kEndStream, 1, "world") + test::request(3);
  for (const char byte : bytes) ASSERT_TRUE(receive({&byte, 1}));
  EXPECT_EQ(stream(1).data, "hello world");
  EXPECT_TRUE(stream(1).ended);
  EXPECT_EQ(stream(3).head, End::yes);
}

TEST_F(SessionTest, ABodyWaitsForMoreAndForWindows) {
  EXPECT_TRUE(receive(test::request(1)));
  respond(1, std::string(70'000, 'x'), End::no);
  std::size_t bytes = 0;
  for (const Received& one : sent()) bytes += one.kind == Kind::data ? one.payload.size() : 0;
  EXPECT_EQ(bytes, 65'535U);
  EXPECT_EQ(session_.connection_window(), 0U);
  EXPECT_TRUE(receive(frame(Kind::window_update, 0, 0, test::number(100'000)) +
                      frame(Kind::window_update, 0, 1, test::number(100'000))));
  EXPECT_EQ(only(Kind::data).payload.size(), 4'465U);
  EXPECT_THAT(sent(), IsEmpty()) << "there is no more of it";
  stream(1).end = End::yes;
  session_.resume_body(1);
  EXPECT_EQ(only(Kind::data).flags & kEndStream, kEndStream);
}

TEST_F(SessionTest, TrailersFollowTheBody) {
  EXPECT_TRUE(receive(test::request(1)));
  respond(1, "x");
  stream(1).trailer_fields = {{"X-Sum", "1"}};
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[1].flags & kEndStream, 0);
  EXPECT_EQ(frames[2].kind, Kind::headers);
  EXPECT_EQ(frames[2].flags & kEndStream, kEndStream);
}

TEST_F(SessionTest, AStreamTooManyIsRefusedAlone) {
  EXPECT_TRUE(receive(frame(Kind::settings, kEndStream, 0, "")));
  for (StreamId id = 1; id < 7; id += 2) EXPECT_TRUE(receive(test::request(id)));
  refuses_ = true;
  EXPECT_TRUE(receive(test::request(7)));
  const Received reset = only(Kind::rst_stream);
  EXPECT_EQ(reset.id, 7);
  EXPECT_EQ(reset.code(), ErrorCode::refused_stream);
  EXPECT_FALSE(stream(1).closed);
  const SessionCounts counts = session_.take_counts();
  EXPECT_EQ(counts.resets_sent, 1U);
  EXPECT_EQ(counts.refused, 1U);
}

TEST_F(SessionTest, TheSettingsNameTheLimits) {
  ServerSession fresh(*this, limits(), memory_);
  SliceQueue queue;
  fresh.produce(queue, blocks_, 1'000'000);
  std::array<iovec, 4> vectors{};
  ASSERT_GE(queue.gather(vectors), 1U);
  const auto frames =
      test::parse({static_cast<const char*>(vectors[0].iov_base), vectors[0].iov_len});
  ASSERT_EQ(frames[0].kind, Kind::settings);
  EXPECT_EQ(frames[0].payload.substr(0, 6), test::number(3, 2) + test::number(3));
}

TEST_F(SessionTest, ADataWindowIsGivenBackWhenTheBodyIsDelivered) {
  EXPECT_TRUE(receive(frame(Kind::settings, kEndStream, 0, "") + test::request(1, kEndHeaders)));
  const std::string part(16'384, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(receive(frame(Kind::data, 0, 1, part)));
  EXPECT_THAT(sent(), IsEmpty()) << "nothing has been delivered";
  session_.give_back(1, 4 * part.size());
  const Received update = only(Kind::window_update);
  EXPECT_EQ(update.id, 1);
  EXPECT_EQ(update.number_at(0), 65'536U);
}

// -- What RFC 9113 calls errors -------------------------------------------------------------------

TEST_F(SessionTest, WhatIsNoPrefaceIsAnError) {
  ServerSession fresh(*this, limits(), memory_);
  EXPECT_FALSE(fresh.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n", now_));
}

TEST_F(SessionTest, FramesForStreamsThatHaveEnded) {
  EXPECT_TRUE(receive(test::request(1)));
  respond(1, "");
  (void)sent();
  ASSERT_TRUE(stream(1).closed);
  EXPECT_FALSE(receive(frame(Kind::data, 0, 1, "x")));
  expect_goaway(ErrorCode::stream_closed);
}

TEST_F(SessionTest, FramesThatCrossOurResetAreIgnored) {
  EXPECT_TRUE(receive(test::request(1, kEndHeaders)));
  session_.reset(1, ErrorCode::internal_error);
  (void)sent();
  EXPECT_TRUE(receive(frame(Kind::data, 0, 1, "x") + test::request(3)));
  EXPECT_EQ(stream(3).head, End::yes);
}

TEST_F(SessionTest, AnIdThatWasLeftOutCannotBeUsedLater) {
  EXPECT_TRUE(receive(test::request(5)));
  EXPECT_FALSE(receive(test::request(3)));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(SessionTest, AStreamThatDependsOnItself) {
  EXPECT_FALSE(receive(frame(Kind::priority, 0, 3, test::number(3) + "\x10")));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(SessionTest, APriorityUpdateOfNoStream) {
  EXPECT_FALSE(receive(frame(Kind::priority_update, 0, 0, test::number(0) + "u=1")));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(SessionTest, AWindowThatOverflowsBySettingsIsAnErrorOfTheConnection) {
  EXPECT_TRUE(receive(test::request(1)));
  EXPECT_TRUE(receive(frame(Kind::window_update, 0, 1, test::number(0x7fffffffU - 65'535))));
  (void)receive(frame(Kind::settings, 0, 0, test::number(4, 2) + test::number(70'000)));
  EXPECT_EQ(only(Kind::goaway).code(), ErrorCode::flow_control_error);
}

TEST_F(SessionTest, AWindowUpdateOfNothing) {
  EXPECT_TRUE(receive(test::request(1)));
  (void)receive(frame(Kind::window_update, 0, 1, test::number(0)) + test::request(3));
  EXPECT_FALSE(streams_.contains(3));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(SessionTest, AMalformedFieldEndsTheStreamAndIsNotLeftOut) {
  test::FieldLines fields = test::get();
  fields.emplace_back("x", "a\nb");
  EXPECT_TRUE(receive(test::request(1, kEndHeaders | kEndStream, fields)));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::protocol_error);
  EXPECT_EQ(stream(1).closed, ErrorCode::protocol_error);
}

// -- Floods ---------------------------------------------------------------------------------------

/// How many of them were taken before the connection ended.
template <class Make>
unsigned flood(ServerSession& session, Instant now, const Make& make) {
  unsigned count = 0;
  while (count < 5'000 && session.receive(make(count), now)) ++count;
  return count;
}

TEST_F(SessionTest, FramesThatBringNothingHaveALimit) {
  EXPECT_EQ(flood(session_, now_, [](unsigned) { return frame(Kind::ping, 1, 0, "12345678"); }),
            999U);
  EXPECT_EQ(only(Kind::goaway).code(), ErrorCode::enhance_your_calm);
}

TEST_F(SessionTest, APingEachSecondIsNoFlood) {
  for (int i = 0; i < 5'000; ++i) {
    now_ = now_ + Millis{1'000};
    ASSERT_TRUE(receive(frame(Kind::ping, 0, 0, "12345678")));
    ASSERT_EQ(sent().size(), 1U);
  }
}

TEST_F(SessionTest, EmptyDataHasALimit) {
  EXPECT_TRUE(receive(test::request(1, kEndHeaders)));
  EXPECT_LT(flood(session_, now_, [](unsigned) { return frame(Kind::data, 0, 1, ""); }), 1'001U);
}

TEST_F(SessionTest, ResetsHaveALimit) {
  StreamId id = -1;
  const unsigned count = flood(session_, now_, [&id](unsigned) {
    id += 2;
    return test::request(id) + frame(Kind::rst_stream, 0, id, test::number(8));
  });
  EXPECT_EQ(count, 300U);
  EXPECT_EQ(session_.take_counts().resets_received, 301U);
}

TEST_F(SessionTest, ResetsThatThePeerProvokesHaveTheSameLimit) {
  (void)sent();
  StreamId id = -1;
  unsigned count = 0;
  for (; count < 5'000; ++count) {
    id += 2;
    const std::string bytes = test::request(id, kEndHeaders) +
                              frame(Kind::window_update, 0, id, test::number(0x7fffffffU));
    if (!receive(bytes)) break;
    ASSERT_EQ(only(Kind::rst_stream).code(), ErrorCode::flow_control_error) << count;
  }
  EXPECT_GE(count, 290U);
  EXPECT_LE(count, 301U);
}

TEST_F(SessionTest, AHeaderBlockWithoutEndHasALimit) {
  const std::string field = test::block({{"x", std::string(100, 'x')}});
  EXPECT_TRUE(receive(frame(Kind::headers, 0, 1, test::block(test::get()))));
  EXPECT_TRUE(session_.within_head());
  const unsigned count =
      flood(session_, now_, [&field](unsigned) { return frame(Kind::continuation, 0, 1, field); });
  EXPECT_LT(count, 50U);
}

TEST_F(SessionTest, WindowUpdatesAreMeasuredByTheDataThatIsSent) {
  EXPECT_LE(flood(session_, now_,
                  [](unsigned) { return frame(Kind::window_update, 0, 0, test::number(1)); }),
            2'000U);
}

// -- The end --------------------------------------------------------------------------------------

TEST_F(SessionTest, GoawayTwice) {
  EXPECT_TRUE(receive(test::request(1)));
  session_.announce_goaway();
  session_.ping();
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 2U);
  const bool ping_first = frames[0].kind == Kind::ping;
  EXPECT_EQ(frames[ping_first ? 1 : 0].number_at(0), 0x7fffffffU);
  EXPECT_TRUE(receive(test::request(3))) << "it was on its way";
  EXPECT_TRUE(receive(frame(Kind::ping, kEndStream, 0, std::string(8, '\0'))));
  EXPECT_EQ(pongs_, 1U);
  session_.send_goaway(ErrorCode::no_error);
  EXPECT_EQ(only(Kind::goaway).number_at(0), 3U);
  (void)receive(test::request(5));
  EXPECT_FALSE(streams_.contains(5));
  respond(1, "");
  respond(3, "");
  (void)sent();
  EXPECT_TRUE(session_.is_over());
}

TEST_F(SessionTest, GoawaysOfBothSidesAreCounted) {
  session_.announce_goaway();
  (void)sent();
  session_.send_goaway(ErrorCode::no_error);
  (void)sent();
  (void)receive(frame(Kind::goaway, 0, 0, test::number(0) + test::number(0)));
  const SessionCounts counts = session_.take_counts();
  EXPECT_EQ(counts.goaways_received, 1U);
  EXPECT_EQ(counts.goaways_sent, 2U);
}

TEST_F(SessionTest, AfterStopNoStreamIsCalled) {
  EXPECT_TRUE(receive(test::request(1, kEndHeaders)));
  session_.stop();
  EXPECT_FALSE(receive(frame(Kind::data, kEndStream, 1, "x")));
  EXPECT_EQ(stream(1).data, "");
}

}  // namespace
}  // namespace bonedry::http2
