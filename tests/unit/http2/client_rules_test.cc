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
using test::kAll;
using test::kEndHeaders;
using test::kEndStream;
using test::Kind;
using test::NotingStream;
using test::response;
using testing::ElementsAre;
using testing::IsEmpty;

class ClientRulesTest : public ClientRig {};

// -- What breaks the rules ------------------------------------------------------------------------

TEST_F(ClientRulesTest, GarbageInsteadOfSettings) {
  for (const std::string& garbage :
       {std::string("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), std::string(50, 'x'),
        response(1, kAll), frame(Kind::ping, 0, 0, "12345678"), std::string(50, '\0')}) {
    ClientSession fresh(*this, limits(), memory_);
    (void)test::bytes_of(fresh, blocks_);
    (void)fresh.receive(garbage, now_);
    const auto frames = test::parse(test::bytes_of(fresh, blocks_));
    ASSERT_EQ(frames.size(), 1U) << garbage;
    EXPECT_EQ(frames[0].kind, Kind::goaway) << garbage;
    EXPECT_TRUE(fresh.is_over()) << garbage;
    EXPECT_FALSE(fresh.receive(garbage, now_)) << garbage;
    EXPECT_FALSE(fresh.is_greeted()) << garbage;
  }
}

TEST_F(ClientRulesTest, APushIsAnError) {
  NotingStream& stream = begun();
  constexpr auto kPushPromise = static_cast<Kind>(5);
  const std::string promise =
      frame(kPushPromise, kEndHeaders, 1, test::number(2) + test::block(test::get()));
  (void)receive(promise);
  expect_goaway(ErrorCode::protocol_error);
  EXPECT_EQ(stream.fields, "");
}

TEST_F(ClientRulesTest, AResponseToNoRequest) {
  (void)receive(response(1, kAll));
  expect_goaway(ErrorCode::protocol_error);
}

TEST_F(ClientRulesTest, AHeaderBlockThatIsTooLarge) {
  NotingStream& stream = begun();
  const std::string text(100, 'x');
  const test::FieldLines fields(50, {"x", text});
  (void)receive(response(1, kAll, fields));
  expect_goaway(ErrorCode::enhance_your_calm);
  EXPECT_THAT(stream.heads, IsEmpty()) << "a part of a head is none";
}

TEST_F(ClientRulesTest, TrailersThatAreTooLargeAreNotCutOff) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  test::FieldLines fields(50, {"x", std::string(100, 'x')});
  fields.emplace_back("grpc-status", "0");
  (void)receive(frame(Kind::headers, kAll, 1, test::block(fields)));
  expect_goaway(ErrorCode::enhance_your_calm);
  EXPECT_THAT(stream.heads, ElementsAre(End::no)) << "a part of the trailers is not the end";
}

TEST_F(ClientRulesTest, EachHeaderBlockHasItsLimit) {
  NotingStream& stream = begun();
  const test::FieldLines hints(30, {"x", std::string(100, 'x')});
  test::FieldLines interim{{":status", "103"}};
  interim.insert(interim.end(), hints.begin(), hints.end());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(receive(frame(Kind::headers, kEndHeaders, 1, test::block(interim))));
  }
  EXPECT_TRUE(receive(response(1, kAll, hints)));
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

// -- Floods ---------------------------------------------------------------------------------------

/// How many of them were taken before the connection ended.
template <class Make>
unsigned flood_client(ClientSession& session, Instant now, const Make& make) {
  unsigned count = 0;
  while (count < 5'000 && session.receive(make(count), now)) ++count;
  return count;
}

TEST_F(ClientRulesTest, PingsHaveALimit) {
  unsigned count = 0;
  for (; count < 5'000 && receive(frame(Kind::ping, 0, 0, "12345678")); ++count) {
    ASSERT_EQ(sent().size(), 1U);
  }
  EXPECT_EQ(count, 998U) << "SETTINGS and their ACK were the first";
  EXPECT_EQ(only(Kind::goaway).code(), ErrorCode::enhance_your_calm);
}

TEST_F(ClientRulesTest, SettingsHaveALimit) {
  unsigned count = 0;
  for (; count < 5'000 && receive(frame(Kind::settings, 0, 0, "")); ++count) (void)sent();
  EXPECT_EQ(count, 998U);
  EXPECT_EQ(only(Kind::goaway).code(), ErrorCode::enhance_your_calm);
}

TEST_F(ClientRulesTest, AnswersThatTheNodeDoesNotReadHaveALimit) {
  EXPECT_LE(
      flood_client(session_, now_, [](unsigned) { return frame(Kind::ping, 0, 0, "12345678"); }),
      1'000U);
}

TEST_F(ClientRulesTest, APingEachSecondIsNotTooMuch) {
  for (int i = 0; i < 5'000; ++i) {
    now_ = now_ + Millis{1'000};
    ASSERT_TRUE(receive(frame(Kind::ping, 0, 0, "12345678")));
    ASSERT_EQ(sent().size(), 1U);
  }
}

TEST_F(ClientRulesTest, APingForEachDataFrameIsNotTooMuch) {
  begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(receive(frame(Kind::data, 0, 1, "x") + frame(Kind::ping, 0, 0, "12345678"))) << i;
    session_.give_back(1, 1);
    (void)sent();
  }
}

TEST_F(ClientRulesTest, APingForEachDataFrameOfOursIsNotTooMuch) {
  NotingStream& stream = begun(End::no);
  for (int i = 0; i < 5'000; ++i) {
    stream.add("x");
    session_.resume_body(1);
    ASSERT_EQ(only(Kind::data).payload, "x");
    ASSERT_TRUE(receive(frame(Kind::ping, 0, 0, "12345678"))) << i;
    ASSERT_EQ(only(Kind::ping).flags, kEndStream);
  }
}

TEST_F(ClientRulesTest, EmptyDataHasALimitAndPaysForNothing) {
  begun();
  EXPECT_TRUE(receive(response(1, kEndHeaders)));
  EXPECT_LE(flood_client(session_, now_, [](unsigned) { return frame(Kind::data, 0, 1, ""); }),
            1'001U);
}

TEST_F(ClientRulesTest, ContinuationsHaveALimit) {
  begun();
  EXPECT_TRUE(receive(frame(Kind::headers, 0, 1, test::block({{":status", "200"}}))));
  EXPECT_LE(
      flood_client(session_, now_, [](unsigned) { return frame(Kind::continuation, 0, 1, ""); }),
      1'000U);
}

TEST_F(ClientRulesTest, UnknownFramesAreIgnored) {
  NotingStream& stream = begun();
  EXPECT_TRUE(receive(frame(static_cast<Kind>(0x42), 0xff, 1, "x")));
  EXPECT_TRUE(receive(frame(static_cast<Kind>(0x42), 0, 0, "")));
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_TRUE(receive(response(1, kAll)));
  expect_closed(stream, ErrorCode::no_error, EndedBy::both);
}

}  // namespace
}  // namespace bonedry::http2
