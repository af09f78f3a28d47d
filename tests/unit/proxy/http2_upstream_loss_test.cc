// How connections to nodes of HTTP/2 end, and what the exchanges on them are told.
#include "tests/unit/proxy/http2_upstream_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace bonedry::proxy {
namespace {

using http2::ErrorCode;
using test::Http2UpstreamRig;
using test::kHead;
using test::kWhole;
using test::ScriptedTransport;
using test::StreamUser;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
namespace wire = test::wire;

class Http2UpstreamLossTest : public Http2UpstreamRig {
 protected:
  /// Two streams whose requests have been sent: 1 and 3.
  void ask_twice() {
    StreamUser& first = ask();
    StreamUser& second = lease(*list_.find_room());
    send(second);
    settle();
    EXPECT_EQ(got(wire::Kind::headers).size(), 2U);
    EXPECT_NE(first.stream, nullptr);
  }
};

// -- GOAWAY ---------------------------------------------------------------------------------------

TEST_F(Http2UpstreamLossTest, AGoawayRefusesWhatIsAboveAndLeavesTheRest) {
  ask_twice();
  receive(wire::goaway(1, ErrorCode::no_error));
  EXPECT_FALSE(users_[0].last_error);
  EXPECT_EQ(users_[1].retry(), Retry::refused);
  EXPECT_EQ(list_.find_room(), nullptr);
  EXPECT_FALSE(list_.empty());
  transport_->receive(wire::response(1, kHead) +
                      wire::frame(wire::Kind::data, wire::kEndStream, 1, "x"));
  settle();
  EXPECT_THAT(users_[0].events, Contains("end"));
  EXPECT_EQ(users_[0].body, "x");
  EXPECT_TRUE(list_.empty()) << "nobody needs it any more";
  EXPECT_THAT(told_, ElementsAre("connected"));
}

TEST_F(Http2UpstreamLossTest, AGoawayRefusesWhatWasNotSentYet) {
  StreamUser& first = ask();
  StreamUser& second = lease(*list_.find_room());
  send(second);
  transport_->receive(wire::goaway(1, ErrorCode::no_error));
  settle();
  EXPECT_EQ(second.retry(), Retry::refused);
  EXPECT_FALSE(first.last_error);
}

TEST_F(Http2UpstreamLossTest, AStreamWithoutARequestIsRefusedOnceItHasOne) {
  StreamUser& first = ask();
  StreamUser& second = lease(*list_.find_room());
  receive(wire::goaway(1, ErrorCode::no_error));
  EXPECT_FALSE(first.last_error);
  EXPECT_FALSE(second.last_error);
  send(second);
  settle();
  EXPECT_EQ(second.retry(), Retry::refused);
}

TEST_F(Http2UpstreamLossTest, AGoawayWhileIdleClosesTheConnection) {
  served();
  transport_->receive(wire::goaway(1, ErrorCode::no_error));
  settle();
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, AGoawayInTwoStepsRefusesOnlyInTheSecond) {
  ask_twice();
  receive(wire::goaway(0x7fffffff, ErrorCode::no_error));
  EXPECT_EQ(list_.find_room(), nullptr);
  EXPECT_FALSE(users_[1].last_error);
  receive(wire::goaway(1, ErrorCode::no_error));
  EXPECT_EQ(users_[1].retry(), Retry::refused);
  EXPECT_FALSE(users_[0].last_error);
}

TEST_F(Http2UpstreamLossTest, AGoawayAndTheEndInOneRead) {
  ask_twice();
  transport_->receive(wire::goaway(1, ErrorCode::no_error));
  transport_->receive_end();
  settle();
  EXPECT_EQ(users_[1].retry(), Retry::refused);
  EXPECT_EQ(users_[0].last_error->reason, EndReason::node_closed);
  EXPECT_NE(users_[0].retry(), Retry::refused) << "it may have been processed";
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, TheReasonOfAGoawayIsTold) {
  ask_twice();
  transport_->receive(wire::goaway(3, ErrorCode::enhance_your_calm));
  transport_->receive_end();
  settle();
  EXPECT_EQ(users_[0].last_error->why, std::string_view("ENHANCE_YOUR_CALM"));
}

// -- Losses ---------------------------------------------------------------------------------------

TEST_F(Http2UpstreamLossTest, TheFirstRequestOfAConnectionIsNotRepeated) {
  StreamUser& user = ask();
  transport_->receive_end();
  settle();
  EXPECT_EQ(user.last_error->reason, EndReason::node_closed);
  EXPECT_EQ(user.retry(), Retry::no);
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, ALossWhileBusyMayHaveBeenProcessed) {
  ask_twice();
  receive(wire::response(1, kWhole));
  transport_->fail(ECONNRESET);
  settle();
  EXPECT_EQ(users_[1].retry(), Retry::maybe_processed);
  EXPECT_EQ(users_[1].last_error->error, ECONNRESET);
  EXPECT_THAT(told_, ElementsAre("connected")) << "it was not idle";
}

TEST_F(Http2UpstreamLossTest, ACloseSoonAfterIdleTimeMayHaveBeenProcessed) {
  Http2UpstreamConnection& connection = served();
  StreamUser& user = lease(connection);
  send(user);
  settle();
  transport_->receive_end();
  settle();
  EXPECT_EQ(user.retry(), Retry::maybe_processed) << "a close may come after the request was read";
}

TEST_F(Http2UpstreamLossTest, AResetSoonAfterIdleTimeMeansThatNothingWasRead) {
  Http2UpstreamConnection& connection = served();
  StreamUser& user = lease(connection);
  send(user);
  settle();
  transport_->fail(ECONNRESET);
  settle();
  EXPECT_EQ(user.retry(), Retry::not_processed);
}

TEST_F(Http2UpstreamLossTest, AResetAfterASignOfLifeMeansNothing) {
  Http2UpstreamConnection& connection = served();
  StreamUser& user = lease(connection);
  send(user);
  settle();
  receive(wire::frame(wire::Kind::window_update, 0, 0, wire::number(1)));
  transport_->fail(ECONNRESET);
  settle();
  EXPECT_EQ(user.retry(), Retry::maybe_processed);
}

TEST_F(Http2UpstreamLossTest, WhatWasNeverSentIsRefused) {
  ask();
  StreamUser& unsent = lease(*list_.find_room());
  transport_->receive_end();
  settle();
  EXPECT_EQ(unsent.retry(), Retry::refused);
}

TEST_F(Http2UpstreamLossTest, AResponseThatIsCutIsNotRepeated) {
  StreamUser& user = ask();
  receive(wire::response(1, kHead) + wire::frame(wire::Kind::data, 0, 1, "ab"));
  transport_->receive_end();
  settle();
  EXPECT_EQ(user.body, "ab");
  EXPECT_EQ(user.last_error->reason, EndReason::response_cut);
  EXPECT_EQ(user.retry(), Retry::no);
}

TEST_F(Http2UpstreamLossTest, TheNodeResetsAStream) {
  ask_twice();
  receive(wire::response(3, kHead));
  receive(wire::reset(1, ErrorCode::internal_error) + wire::reset(3, ErrorCode::internal_error));
  EXPECT_EQ(users_[0].last_error->reason, EndReason::node_closed);
  EXPECT_EQ(users_[0].last_error->why, std::string_view("INTERNAL_ERROR"));
  EXPECT_EQ(users_[0].retry(), Retry::no);
  EXPECT_EQ(users_[1].last_error->reason, EndReason::response_cut);
  EXPECT_EQ(list_.idle(), 1U) << "the connection is fine";
}

TEST_F(Http2UpstreamLossTest, ANodeThatBreaksTheRules) {
  ask_twice();
  // A response to a stream that was never begun.
  transport_->receive(wire::response(99, kWhole));
  settle();
  EXPECT_EQ(users_[0].last_error->reason, EndReason::node_closed);
  EXPECT_EQ(users_[1].last_error->reason, EndReason::node_closed);
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, AFloodIsToldAsABrokenRule) {
  StreamUser& user = ask();
  std::string pings;
  for (int i = 0; i < 1'100; ++i) pings += wire::frame(wire::Kind::ping, 0, 0, "12345678");
  transport_->receive(pings);
  settle();
  ASSERT_TRUE(user.last_error);
  EXPECT_EQ(user.last_error->why, std::string_view("it breaks the rules of HTTP/2"));
  EXPECT_TRUE(list_.empty());
}

// -- Events during a close ------------------------------------------------------------------------

TEST_F(Http2UpstreamLossTest, ExchangesThatReleaseEachOtherDuringALoss) {
  ask_twice();
  StreamUser& third = lease(*list_.find_room());
  third.when_lost = [this] {
    users_[0].release();
    users_[1].release();
  };
  transport_->receive_end();
  settle();
  EXPECT_THAT(third.events, Contains("error"));
  EXPECT_FALSE(users_[0].last_error);
  EXPECT_FALSE(users_[1].last_error);
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, AnExchangeGetsANewConnectionDuringALoss) {
  ask_twice();
  const auto lease_new = [this] {
    if (users_.size() > 2) return;
    EXPECT_EQ(list_.find_room(), nullptr) << "the one that is lost has none";
    EXPECT_EQ(list_.find_idle(balancer::Repeat::allowed, Millis{1'000}), nullptr);
    lease(add());
  };
  for (StreamUser& user : users_) user.when_lost = lease_new;
  ScriptedTransport& lost = *transport_;
  lost.receive_end();
  settle();
  ASSERT_EQ(users_.size(), 3U);
  EXPECT_FALSE(list_.empty());
  greet();
  EXPECT_THAT(users_[2].events, ElementsAre("connected"));
}

TEST_F(Http2UpstreamLossTest, AListThatCloses) {
  ask_twice();
  served();
  while (!list_.empty()) {
    Http2UpstreamConnection* const next = list_.find_room();
    next != nullptr ? next->close() : list_.close_idle();
  }
  EXPECT_EQ(users_[0].last_error->reason, EndReason::node_closed);
  EXPECT_EQ(users_[1].last_error->reason, EndReason::node_closed);
}

TEST_F(Http2UpstreamLossTest, AnExchangeClosesTheConnectionFromItsOwnEvent) {
  ask_twice();
  Http2UpstreamConnection& connection = *list_.find_room();
  users_[0].when_lost = [&connection] { connection.close(); };
  transport_->receive(wire::reset(1, ErrorCode::internal_error) + wire::response(3, kWhole));
  settle();
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamLossTest, ReleasedStreamsDoNotHoldALostConnection) {
  ask_twice();
  users_[0].release();
  users_[1].release();
  transport_->receive_end();
  settle();
  EXPECT_TRUE(list_.empty());
  EXPECT_THAT(users_[0].events, ElementsAre("connected"));
}

}  // namespace
}  // namespace bonedry::proxy
