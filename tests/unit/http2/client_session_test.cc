#include "tests/unit/http2/client_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http2 {
namespace {

using test::ClientRig;
using test::frame;
using test::goaway;
using test::kAll;
using test::kEndHeaders;
using test::kEndStream;
using test::Kind;
using test::NotingStream;
using test::Received;
using test::response;
using testing::ElementsAre;
using testing::IsEmpty;

class ClientSessionTest : public ClientRig {};

TEST_F(ClientSessionTest, ItBeginsWithItsPrefaceAndForbidsPushes) {
  ClientSession fresh(*this, limits(), memory_);
  EXPECT_FALSE(fresh.is_greeted());
  const std::string bytes = test::bytes_of(fresh, blocks_);
  ASSERT_TRUE(bytes.starts_with(test::kPreface));
  const auto frames = test::parse(std::string_view(bytes).substr(test::kPreface.size()));
  ASSERT_GE(frames.size(), 1U);
  EXPECT_EQ(frames[0].kind, Kind::settings);
  EXPECT_EQ(frames[0].payload, test::number(2, 2) + test::number(0) +
                                   test::number(test::kInitialWindowSize, 2) +
                                   test::number(70'000));
  EXPECT_TRUE(fresh.receive(frame(Kind::settings, 0, 0, ""), now_));
  EXPECT_TRUE(fresh.is_greeted());
}

TEST_F(ClientSessionTest, ARequestAndItsResponse) {
  NotingStream& stream = begin();
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].kind, Kind::headers);
  EXPECT_EQ(frames[0].flags & kEndStream, kEndStream);
  EXPECT_EQ(stream.sent_heads, 1U);
  EXPECT_EQ(stream.sent_ends, 1U);
  EXPECT_TRUE(receive(response(1, kEndHeaders, {{"x", "y"}})));
  EXPECT_THAT(stream.heads, ElementsAre(End::no));
  EXPECT_TRUE(receive(frame(Kind::data, kEndStream, 1, "hello")));
  EXPECT_EQ(stream.fields, ":status=200;x=y;");
  EXPECT_EQ(stream.data, "hello");
  EXPECT_EQ(stream.ends, 1U);
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, BytesComeInAnyPieces) {
  NotingStream& stream = begun();
  const std::string bytes = response(1, kEndHeaders) + frame(Kind::data, 0, 1, "hello ") +
                            frame(Kind::data, kEndStream, 1, "world");
  for (const char byte : bytes) ASSERT_TRUE(receive({&byte, 1}));
  EXPECT_EQ(stream.data, "hello world");
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, InterimHeadsAndTrailersAreHeads) {
  NotingStream& stream = begun();
  const test::FieldLines hints{{":status", "103"}, {"link", "x"}};
  EXPECT_TRUE(receive(frame(Kind::headers, kEndHeaders, 1, test::block(hints))));
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  EXPECT_TRUE(receive(frame(Kind::data, 0, 1, "x")));
  EXPECT_TRUE(receive(frame(Kind::headers, kAll, 1, test::block({{"grpc-status", "0"}}))));
  EXPECT_EQ(stream.fields, ":status=103;link=x;:status=200;grpc-status=0;");
  EXPECT_THAT(stream.heads, ElementsAre(End::no, End::no, End::yes));
  EXPECT_EQ(stream.ends, 0U) << "the head has said it";
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, ABodyWaitsForMoreAndForWindows) {
  NotingStream& stream = begin(End::no);
  stream.add(std::string(70'000, 'x'));
  std::size_t bytes = 0;
  for (const Received& one : sent()) bytes += one.kind == Kind::data ? one.payload.size() : 0;
  EXPECT_EQ(bytes, 65'535U);
  EXPECT_EQ(session_.connection_window(), 0U);
  EXPECT_TRUE(receive(frame(Kind::window_update, 0, 0, test::number(100'000)) +
                      frame(Kind::window_update, 0, 1, test::number(100'000))));
  EXPECT_EQ(only(Kind::data).payload.size(), 4'465U);
  EXPECT_THAT(sent(), IsEmpty()) << "there is no more of it";
  stream.end = End::yes;
  session_.resume_body(1);
  EXPECT_EQ(only(Kind::data).flags & kEndStream, kEndStream);
  EXPECT_EQ(stream.sent_ends, 1U);
}

TEST_F(ClientSessionTest, AWindowOfOneByte) {
  EXPECT_TRUE(receive(test::setting(test::kInitialWindowSize, 1)));
  NotingStream& stream = begin(End::no);
  stream.add("abc");
  stream.end = End::yes;
  std::string all;
  for (std::size_t i = 1; i <= 3; ++i) {
    for (const Received& one : sent()) all += one.kind == Kind::data ? one.payload : "";
    EXPECT_EQ(all.size(), i);
    EXPECT_TRUE(receive(frame(Kind::window_update, 0, 1, test::number(1))));
  }
  EXPECT_EQ(all, "abc");
  EXPECT_EQ(stream.sent_ends, 1U);
}

TEST_F(ClientSessionTest, TrailersFollowTheBody) {
  NotingStream& stream = begin(End::no);
  stream.add("x");
  stream.end = End::yes;
  stream.trailer_fields = {{"X-Sum", "1"}};
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[1].flags & kEndStream, 0);
  EXPECT_EQ(frames[2].kind, Kind::headers);
  EXPECT_EQ(frames[2].flags & kEndStream, kEndStream);
  EXPECT_EQ(stream.sent_ends, 1U);
}

TEST_F(ClientSessionTest, AResponseMayEndBeforeItsRequest) {
  NotingStream& stream = begun(End::no);
  EXPECT_TRUE(receive(response(1, kAll)));
  EXPECT_EQ(stream.closes, 0U);
  stream.end = End::yes;
  session_.resume_body(1);
  (void)sent();
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, AWindowIsGivenBackWhenTheBodyIsDelivered) {
  begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  const std::string part(16'384, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(receive(frame(Kind::data, 0, 1, part)));
  EXPECT_THAT(sent(), IsEmpty()) << "nothing has been delivered";
  session_.give_back(1, 4 * part.size());
  const Received update = only(Kind::window_update);
  EXPECT_EQ(update.id, 1);
  EXPECT_EQ(update.number_at(0), 65'536U);
}

TEST_F(ClientSessionTest, DataBeyondTheWindowOfAStream) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  const std::string part(16'384, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(receive(frame(Kind::data, 0, 1, part)));
  EXPECT_TRUE(receive(frame(Kind::data, 0, 1, part)));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::flow_control_error);
  expect_closed(stream, ErrorCode::flow_control_error, EndedBy::us);
}

TEST_F(ClientSessionTest, PaddingIsNoBodyButCountsAsOne) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  constexpr std::uint8_t kPadded = 8;
  const std::string padding(200, '\0');
  std::size_t data = 0;
  // More than the stream's window in all: who pads gets the padding back at once.
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(receive(frame(Kind::data, kPadded, 1, "\xc8" + ("x" + padding)))) << i;
    (void)sent();
    session_.give_back(1, 1);
    ++data;
  }
  EXPECT_EQ(stream.data, std::string(data, 'x'));
  EXPECT_EQ(stream.closes, 0U);
  (void)receive(frame(Kind::data, kPadded, 1, "\x05" + std::string("abc")));
  expect_goaway(ErrorCode::protocol_error);
}

// -- Ends of streams ------------------------------------------------------------------------------

TEST_F(ClientSessionTest, TheNodeResetsAStream) {
  NotingStream& first = begun();
  NotingStream& second = begun();
  EXPECT_TRUE(receive(test::reset(1, ErrorCode::internal_error)));
  expect_closed(first, ErrorCode::internal_error, EndedBy::peer);
  EXPECT_EQ(second.closes, 0U);
  EXPECT_TRUE(receive(test::reset(3, ErrorCode::refused_stream)));
  expect_closed(second, ErrorCode::refused_stream, EndedBy::peer);
  const SessionCounts counts = session_.take_counts();
  EXPECT_EQ(counts.resets_received, 2U);
  EXPECT_EQ(counts.refused, 1U);
  EXPECT_EQ(session_.take_counts(), SessionCounts{});
}

TEST_F(ClientSessionTest, AResetWithNoErrorIsTheNodes) {
  NotingStream& stream = begun(End::no);
  EXPECT_TRUE(receive(response(1, kAll) + test::reset(1, ErrorCode::no_error)));
  expect_closed(stream, ErrorCode::no_error, EndedBy::peer);
}

TEST_F(ClientSessionTest, WhatComesAfterOurResetIsDropped) {
  NotingStream& stream = begun();
  session_.reset(1, ErrorCode::cancel);
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::cancel);
  expect_closed(stream, ErrorCode::cancel, EndedBy::us);
  NotingStream& next = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders) + frame(Kind::data, kEndStream, 1, "x") +
                      response(3, kAll)));
  EXPECT_EQ(stream.data, "");
  expect_closed(next, ErrorCode::no_error, EndedBy::both);
  EXPECT_EQ(session_.take_counts().resets_sent, 1U);
}

TEST_F(ClientSessionTest, AResetOfWhatHasEndedIsNoMatter) {
  begun();
  EXPECT_TRUE(receive(response(1, kAll)));
  session_.reset(1, ErrorCode::cancel);
  session_.give_back(1, 0);
  session_.resume_body(1);
  (void)session_.stream_window(1);
  (void)sent();
  EXPECT_FALSE(session_.is_over());
}

TEST_F(ClientSessionTest, AForgottenRequestIsNeverWrittenNorCalled) {
  NotingStream& stream = begin();
  session_.forget(1);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(stream.closes, 0U);
  EXPECT_EQ(stream.sent_heads, 0U);
  NotingStream& next = begun();
  EXPECT_TRUE(receive(response(3, kAll)));
  expect_closed(next, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, AForgottenRequestThatWaitsForAnother) {
  EXPECT_TRUE(receive(test::setting(test::kMaxConcurrentStreams, 1)));
  begun();
  NotingStream& waits = begin(End::no);
  NotingStream& last = begin();
  EXPECT_THAT(sent(), IsEmpty());
  session_.forget(3);
  EXPECT_TRUE(receive(response(1, kAll)));
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].id, 5);
  EXPECT_EQ(waits.closes, 0U);
  EXPECT_EQ(last.sent_heads, 1U);
}

TEST_F(ClientSessionTest, OnlyAsManyStreamsAsTheNodeTakesAreWritten) {
  EXPECT_TRUE(receive(test::setting(test::kMaxConcurrentStreams, 2)));
  EXPECT_EQ(session_.max_streams(), 2U);
  begin();
  begin();
  NotingStream& third = begin();
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(third.sent_heads, 0U);
  EXPECT_TRUE(receive(response(1, kAll)));
  EXPECT_EQ(sent().size(), 1U);
  EXPECT_EQ(third.sent_heads, 1U);
  EXPECT_TRUE(receive(test::setting(test::kMaxConcurrentStreams, 0)));
  EXPECT_EQ(session_.max_streams(), 0U);
}

TEST_F(ClientSessionTest, AHeadThatIsTooLargeToSendIsRefusedAlone) {
  const std::string large(5U << 20U, 'x');
  std::vector<FieldView> fields = test::request_fields();
  fields.push_back({"x", large});
  NotingStream& stream = streams_.emplace_back(blocks_);
  ASSERT_TRUE(session_.send_request(fields, End::yes, stream));
  EXPECT_THAT(sent(), IsEmpty());
  expect_closed(stream, ErrorCode::refused_stream, EndedBy::peer);
  begun();
}

TEST_F(ClientSessionTest, DataBeyondItsLengthEndsTheStream) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders, {{"content-length", "3"}})));
  EXPECT_TRUE(receive(frame(Kind::data, 0, 1, "abcd")));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::protocol_error);
  expect_closed(stream, ErrorCode::protocol_error, EndedBy::us);
  EXPECT_EQ(stream.ends, 0U);
}

TEST_F(ClientSessionTest, AnEndBeforeItsLengthEndsTheStream) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders, {{"content-length", "3"}})));
  EXPECT_TRUE(receive(frame(Kind::data, kEndStream, 1, "ab")));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::protocol_error);
  expect_closed(stream, ErrorCode::protocol_error, EndedBy::us);
  EXPECT_EQ(stream.ends, 0U);
}

TEST_F(ClientSessionTest, AMalformedFieldEndsTheStreamAndIsNotLeftOut) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders, {{"x", "a\nb"}})));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::protocol_error);
  expect_closed(stream, ErrorCode::protocol_error, EndedBy::us);
  EXPECT_THAT(stream.heads, IsEmpty());
}

TEST_F(ClientSessionTest, DataBeforeAHeadEndsTheConnection) {
  NotingStream& stream = begun();
  (void)receive(frame(Kind::data, 0, 1, "x"));
  expect_goaway(ErrorCode::protocol_error);
  EXPECT_EQ(stream.data, "");
}

TEST_F(ClientSessionTest, DataAfterAnInterimHeadEndsTheStream) {
  NotingStream& stream = begun();
  const std::string hints = test::block({{":status", "103"}});
  EXPECT_TRUE(receive(frame(Kind::headers, kEndHeaders, 1, hints)));
  EXPECT_TRUE(receive(frame(Kind::data, 0, 1, "x")));
  EXPECT_EQ(only(Kind::rst_stream).code(), ErrorCode::protocol_error);
  EXPECT_EQ(stream.data, "");
}

// -- GOAWAY ---------------------------------------------------------------------------------------

TEST_F(ClientSessionTest, AGoawayRefusesWhatIsAboveItsLastId) {
  NotingStream& below = begun();
  NotingStream& above = begun();
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  EXPECT_THAT(goaways_, ElementsAre(ErrorCode::no_error));
  EXPECT_EQ(below.closes, 0U);
  expect_closed(above, ErrorCode::refused_stream, EndedBy::peer);
  (void)receive(response(1, kEndHeaders) + frame(Kind::data, kEndStream, 1, "x"));
  EXPECT_EQ(below.data, "x");
  expect_closed(below, ErrorCode::no_error, EndedBy::both);
}

TEST_F(ClientSessionTest, AGoawayRefusesWhatWasNeverWritten) {
  NotingStream& below = begun();
  NotingStream& unwritten = begin(End::no);
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  EXPECT_THAT(sent(), IsEmpty());
  expect_closed(unwritten, ErrorCode::refused_stream, EndedBy::peer);
  EXPECT_EQ(below.closes, 0U);
}

TEST_F(ClientSessionTest, AGoawayWithAnErrorRefusesTheSame) {
  NotingStream& below = begun();
  NotingStream& above = begun();
  EXPECT_TRUE(receive(goaway(1, ErrorCode::enhance_your_calm)));
  EXPECT_THAT(goaways_, ElementsAre(ErrorCode::enhance_your_calm));
  expect_closed(above, ErrorCode::refused_stream, EndedBy::peer);
  EXPECT_EQ(below.closes, 0U);
}

TEST_F(ClientSessionTest, AGoawayInTwoSteps) {
  NotingStream& first = begun();
  NotingStream& second = begun();
  EXPECT_TRUE(receive(goaway(0x7fffffff, ErrorCode::no_error)));
  EXPECT_EQ(second.closes, 0U);
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  expect_closed(second, ErrorCode::refused_stream, EndedBy::peer);
  EXPECT_EQ(first.closes, 0U);
  EXPECT_EQ(goaways_.size(), 2U);
  EXPECT_EQ(session_.take_counts().goaways_received, 2U);
}

TEST_F(ClientSessionTest, AGoawayWhoseLastIdGrows) {
  begun();
  begun();
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  (void)receive(goaway(3, ErrorCode::no_error));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(ClientSessionTest, ARequestAfterAGoawayIsRefused) {
  begun();
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  NotingStream& late = begin();
  EXPECT_THAT(sent(), IsEmpty());
  expect_closed(late, ErrorCode::refused_stream, EndedBy::peer);
}

TEST_F(ClientSessionTest, ARequestThatWaitedForOthersIsRefusedAfterAGoaway) {
  EXPECT_TRUE(receive(test::setting(test::kMaxConcurrentStreams, 1)));
  begun();
  NotingStream& waits = begin();
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_TRUE(receive(goaway(1, ErrorCode::no_error)));
  // libnghttp2 looks at what waits only when there is room for another.
  (void)receive(response(1, kAll));
  EXPECT_THAT(sent(), IsEmpty());
  expect_closed(waits, ErrorCode::refused_stream, EndedBy::peer);
}

TEST_F(ClientSessionTest, AfterStopNoStreamIsCalled) {
  NotingStream& stream = begun();
  session_.stop();
  EXPECT_FALSE(receive(response(1, kAll)));
  EXPECT_THAT(stream.heads, IsEmpty());
}

}  // namespace
}  // namespace bonedry::http2
