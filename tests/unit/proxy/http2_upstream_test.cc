#include "proxy/base/unique_fd.h"
#include "tests/unit/proxy/http2_upstream_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

using balancer::Repeat;
using http2::ErrorCode;
using test::Http2UpstreamRig;
using test::kHead;
using test::kWhole;
using test::StreamUser;
using testing::ElementsAre;
using testing::IsEmpty;
namespace wire = test::wire;

constexpr Millis kUsable{60'000};

class Http2UpstreamTest : public Http2UpstreamRig {};

// -- Opening --------------------------------------------------------------------------------------

TEST_F(Http2UpstreamTest, IsConnectedOnceTheNodesSettingsAreHere) {
  StreamUser& user = lease(add());
  transport_->become_writable();
  settle();
  EXPECT_TRUE(transport_->written.starts_with(wire::kPreface));
  EXPECT_THAT(user.events, IsEmpty());
  EXPECT_FALSE(user.stream->connected());
  receive(wire::frame(wire::Kind::settings, 0, 0, ""));
  EXPECT_THAT(user.events, ElementsAre("connected"));
  EXPECT_TRUE(user.stream->connected());
  EXPECT_THAT(told_, ElementsAre("connected"));
}

TEST_F(Http2UpstreamTest, FailsToConnectWithTheErrorOfItsTransport) {
  StreamUser& user = lease(add());
  transport_->openings = {io::IoStatus::failed};
  transport_->opening_error = ECONNREFUSED;
  transport_->become_writable();
  EXPECT_EQ(user.retry(), Retry::other_node);
  EXPECT_EQ(user.last_error->error, ECONNREFUSED);
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, ANodeThatDoesNotSpeakHttp2IsAFailureToConnect) {
  for (const std::string& answer :
       {std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), std::string()}) {
    told_.clear();
    StreamUser& user = lease(add());
    transport_->become_writable();
    settle();
    answer.empty() ? transport_->receive_end() : transport_->receive(answer);
    settle();
    EXPECT_THAT(told_, ElementsAre(testing::StartsWith("failed: it does not speak HTTP/2")));
    EXPECT_EQ(user.retry(), Retry::other_node);
    EXPECT_TRUE(list_.empty());
  }
}

TEST_F(Http2UpstreamTest, ConnectingHasATimeout) {
  connect_timeout_ = Millis{20};
  StreamUser& user = lease(add());
  transport_->become_writable();
  while (!user.last_error) uv_run(loop_.raw(), UV_RUN_ONCE);
  EXPECT_EQ(user.last_error->error, ETIMEDOUT);
  EXPECT_EQ(user.retry(), Retry::other_node);
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, OneThatNobodyWaitsForAnyMoreIsClosed) {
  StreamUser& user = lease(add());
  user.release();
  settle();
  EXPECT_TRUE(list_.empty());
  EXPECT_THAT(told_, IsEmpty());
}

// -- Rooms ----------------------------------------------------------------------------------------

TEST_F(Http2UpstreamTest, StreamsShareAConnectionThatIsConnecting) {
  streams_ = 3;
  Http2UpstreamConnection& connection = add();
  EXPECT_EQ(list_.find_room(), nullptr) << "nobody has asked for it yet";
  StreamUser& first = lease(connection);
  lease(connection);
  EXPECT_EQ(list_.find_room(), &connection);
  lease(connection);
  EXPECT_EQ(list_.find_room(), nullptr);
  EXPECT_EQ(list_.find_idle(Repeat::allowed, kUsable), nullptr);
  greet();
  for (const StreamUser& user : users_) EXPECT_THAT(user.events, ElementsAre("connected"));
  first.release();
  EXPECT_EQ(list_.find_room(), &connection);
}

TEST_F(Http2UpstreamTest, StreamsThatTheNodeDoesNotTakeGoElsewhere) {
  Http2UpstreamConnection& connection = add();
  for (int i = 0; i < 5; ++i) lease(connection);
  greet(wire::setting(wire::kMaxConcurrentStreams, 2));
  const auto refused = [](const StreamUser& user) { return user.retry() == Retry::refused; };
  EXPECT_EQ(std::ranges::count_if(users_, refused), 3);
  EXPECT_EQ(list_.limit_of_node(), 2U);
  EXPECT_EQ(list_.find_room(), nullptr);
  for (StreamUser& user : users_) {
    if (user.stream != nullptr) send(user);
  }
  settle();
  EXPECT_EQ(got(wire::Kind::headers).size(), 2U);
  answer(1);
  EXPECT_EQ(list_.find_room(), &connection);
}

TEST_F(Http2UpstreamTest, ANodeThatTakesNoStreamsRefusesAll) {
  Http2UpstreamConnection& connection = add();
  for (int i = 0; i < 3; ++i) lease(connection);
  greet(wire::setting(wire::kMaxConcurrentStreams, 0));
  for (const StreamUser& user : users_) EXPECT_EQ(user.retry(), Retry::refused);
  EXPECT_EQ(list_.find_room(), nullptr);
  EXPECT_EQ(list_.find_idle(Repeat::allowed, kUsable), nullptr);
  EXPECT_EQ(list_.limit_of_node(), 1U) << "so that each connection is tried with one";
  settle();
  EXPECT_TRUE(list_.empty()) << "a connection that serves nobody is closed";
}

TEST_F(Http2UpstreamTest, AnIdleConnectionThatServesNobodyAnyMoreIsClosed) {
  (void)served();
  receive(wire::setting(wire::kMaxConcurrentStreams, 0));
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, ANodeThatGreetsAndLeavesAtOnceHasNotFailed) {
  StreamUser& user = lease(add());
  transport_->become_writable();
  settle();
  receive(wire::frame(wire::Kind::settings, 0, 0, "") + wire::goaway(0, ErrorCode::no_error));
  EXPECT_EQ(user.retry(), Retry::refused);
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, WhatIsExpectedOfANodeHoldsUntilItHasSpoken) {
  expected_streams_ = 1;
  Http2UpstreamConnection& connection = add();
  StreamUser& user = lease(connection);
  EXPECT_EQ(list_.find_room(), nullptr);
  greet(wire::setting(wire::kMaxConcurrentStreams, 100));
  send(user);
  EXPECT_EQ(list_.find_room(), &connection);
}

TEST_F(Http2UpstreamTest, AConnectionThatFailsTellsNothingOfItsNodesLimit) {
  lease(add());
  greet(wire::setting(wire::kMaxConcurrentStreams, 3));
  EXPECT_EQ(list_.limit_of_node(), 3U);
  lease(add()).stream->release();
  settle();
  EXPECT_EQ(list_.limit_of_node(), 3U);
}

TEST_F(Http2UpstreamTest, MoreRoomLater) {
  Http2UpstreamConnection& connection = add();
  StreamUser& user = lease(connection);
  greet(wire::setting(wire::kMaxConcurrentStreams, 1));
  send(user);
  EXPECT_EQ(list_.find_room(), nullptr);
  receive(wire::setting(wire::kMaxConcurrentStreams, 100));
  EXPECT_EQ(list_.find_room(), &connection);
  EXPECT_EQ(list_.limit_of_node(), 100U);
}

TEST_F(Http2UpstreamTest, ARefusedStreamShowsHowManyTheNodeTakes) {
  Http2UpstreamConnection& connection = add();
  for (int i = 0; i < 3; ++i) lease(connection);
  greet();
  for (StreamUser& user : users_) send(user);
  settle();
  receive(wire::reset(5, ErrorCode::refused_stream));
  EXPECT_EQ(users_[2].retry(), Retry::refused);
  EXPECT_EQ(list_.find_room(), nullptr) << "two are enough for the node";
  answer(1);
  EXPECT_EQ(list_.find_room(), &connection);
}

TEST_F(Http2UpstreamTest, ANodeThatRefusesItsOnlyStreamIsLeft) {
  StreamUser& user = ask();
  transport_->receive(wire::reset(1, ErrorCode::refused_stream));
  settle();
  EXPECT_EQ(user.retry(), Retry::refused);
  EXPECT_TRUE(list_.empty());
}

// -- Requests and responses -----------------------------------------------------------------------

TEST_F(Http2UpstreamTest, AResponseWithItsParts) {
  StreamUser& user = ask();
  EXPECT_EQ(got(wire::Kind::headers).size(), 1U);
  const std::string hints = wire::block({{":status", "103"}});
  receive(wire::frame(wire::Kind::headers, kHead, 1, hints) + wire::response(1, kHead) +
          wire::frame(wire::Kind::data, 0, 1, "ab"));
  receive(wire::frame(wire::Kind::data, 0, 1, "cd") +
          wire::frame(wire::Kind::headers, kWhole, 1, wire::block({{"grpc-status", "0"}})));
  EXPECT_THAT(user.events, ElementsAre("connected", "interim 103", "head 200", "end"));
  EXPECT_EQ(user.body, "abcd");
  EXPECT_EQ(user.trailers, "grpc-status: 0\r\n");
  EXPECT_EQ(list_.idle(), 1U);
}

TEST_F(Http2UpstreamTest, APausedBodyIsStoredAndDeliveredLater) {
  StreamUser& user = ask();
  user.stream->pause(PauseReason::congested);
  const std::string frames =
      wire::response(1, kHead) + wire::frame(wire::Kind::data, wire::kEndStream, 1, "abcd");
  receive(frames);
  EXPECT_THAT(user.events, ElementsAre("connected", "head 200"));
  transport_->receive_end();
  settle();
  EXPECT_THAT(user.events, ElementsAre("connected", "head 200")) << "all of it is here";
  user.stream->resume(PauseReason::congested);
  settle();
  EXPECT_THAT(user.events, ElementsAre("connected", "head 200", "end"));
  EXPECT_EQ(user.body, "abcd");
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, AMalformedResponseEndsItsStreamAlone) {
  StreamUser& bad = ask();
  StreamUser& good = lease(*list_.find_room());
  send(good);
  settle();
  (void)got(wire::Kind::headers);
  receive(wire::response(1, kWhole, {{"connection", "close"}}));
  EXPECT_EQ(bad.last_error->reason, EndReason::bad_response);
  EXPECT_EQ(bad.retry(), Retry::no);
  EXPECT_TRUE(good.stream != nullptr);
  answer(3);
  EXPECT_THAT(good.events, testing::Contains("end"));
}

TEST_F(Http2UpstreamTest, AReleasedStreamIsCancelled) {
  StreamUser& user = ask();
  user.release();
  settle();
  const auto resets = got(wire::Kind::rst_stream);
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_EQ(resets[0].code(), ErrorCode::cancel);
  EXPECT_EQ(list_.idle(), 1U);
  receive(wire::response(1, kWhole));
  EXPECT_EQ(list_.idle(), 1U) << "it had been sent before the reset came";
}

TEST_F(Http2UpstreamTest, AStreamThatIsReleasedBeforeItIsWrittenIsNeverSent) {
  StreamUser& user = lease(add());
  greet();
  send(user);
  user.release();
  settle();
  EXPECT_THAT(got(wire::Kind::headers), IsEmpty());
  EXPECT_THAT(got(wire::Kind::rst_stream), IsEmpty());
  EXPECT_EQ(list_.idle(), 1U);
}

TEST_F(Http2UpstreamTest, AnUploadWaitsForTheNodesWindows) {
  StreamUser& user = lease(add());
  greet(wire::setting(wire::kInitialWindowSize, 10));
  send_upload(user, std::string(25, 'x'));
  EXPECT_EQ(user.stream->flush(), Flow::congested);
  settle();
  EXPECT_EQ(data_got(), std::string(10, 'x'));
  EXPECT_EQ(user.stream->unsent(), 15U);
  EXPECT_THAT(user.events, ElementsAre("connected"));
  receive(wire::frame(wire::Kind::window_update, 0, 1, wire::number(100)));
  EXPECT_EQ(data_got(), std::string(15, 'x'));
  EXPECT_EQ(user.stream->unsent(), 0U);
  EXPECT_THAT(user.events, ElementsAre("connected", "drained"));
  user.stream->send_end("x-sum: 1\r\n");
  EXPECT_EQ(user.stream->flush(), Flow::open);
  settle();
  const auto heads = got(wire::Kind::headers);
  ASSERT_EQ(heads.size(), 1U) << "the trailers";
  EXPECT_EQ(heads[0].flags & wire::kEndStream, wire::kEndStream);
}

TEST_F(Http2UpstreamTest, AnUploadThatIsGivenUpNeverLooksWhole) {
  for (const bool has_ended : {false, true}) {
    StreamUser& user = lease(add());
    greet(wire::setting(wire::kInitialWindowSize, 10));
    send_upload(user, std::string(25, 'x'));
    (void)user.stream->flush();
    settle();
    if (has_ended) user.stream->send_end("");
    user.release();
    const std::string credit = wire::frame(wire::Kind::window_update, 0, 1, wire::number(100));
    transport_->receive(credit);
    settle();
    const auto frames = all_got();
    const auto ends = [](const wire::Received& one) {
      const bool may_end = one.kind == wire::Kind::data || one.kind == wire::Kind::headers;
      return may_end && (one.flags & wire::kEndStream) != 0;
    };
    EXPECT_TRUE(std::ranges::none_of(frames, ends));
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames.back().kind, wire::Kind::rst_stream);
    EXPECT_EQ(frames.back().code(), ErrorCode::cancel);
  }
}

TEST_F(Http2UpstreamTest, AResponseBeforeTheEndOfItsUpload) {
  StreamUser& user = lease(add());
  greet();
  send_upload(user, "abc");
  (void)user.stream->flush();
  settle();
  receive(wire::response(1, kWhole));
  EXPECT_THAT(user.events, ElementsAre("connected", "head 200", "end"));
  const auto resets = got(wire::Kind::rst_stream);
  ASSERT_EQ(resets.size(), 1U) << "the rest of the upload will not come";
  EXPECT_EQ(resets[0].code(), ErrorCode::cancel);
  EXPECT_EQ(list_.idle(), 1U);
}

// -- Idle -----------------------------------------------------------------------------------------

TEST_F(Http2UpstreamTest, AnIdleConnectionIsUsedAgain) {
  Http2UpstreamConnection& connection = served();
  EXPECT_EQ(list_.idle(), 1U);
  EXPECT_EQ(list_.find_room(), nullptr) << "it is not in use";
  ASSERT_EQ(list_.find_idle(Repeat::forbidden, kUsable), &connection);
  StreamUser& user = lease(connection);
  EXPECT_EQ(list_.idle(), 0U);
  EXPECT_EQ(list_.find_room(), &connection);
  send(user);
  settle();
  answer(3);
  EXPECT_THAT(user.events, ElementsAre("head 200", "end")) << "it was connected before";
}

TEST_F(Http2UpstreamTest, OneThatIsTooOldStaysOpen) {
  served();
  EXPECT_EQ(list_.find_idle(Repeat::allowed, Millis{0}), nullptr);
  EXPECT_EQ(list_.idle(), 1U);
}

TEST_F(Http2UpstreamTest, AnIdleConnectionHasATimeout) {
  list_.configure(Millis{20}, 1);
  served();
  while (!list_.empty()) uv_run(loop_.raw(), UV_RUN_ONCE);
  EXPECT_THAT(told_, ElementsAre("connected")) << "it was us";
}

TEST_F(Http2UpstreamTest, NoneIsKeptWhereNoneShallBeIdle) {
  list_.configure(Millis{0}, 1);
  StreamUser& user = ask();
  transport_->receive(wire::response(1, kWhole));
  settle();
  EXPECT_THAT(user.events, testing::Contains("end"));
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, IdleOnesAreClosedOnDemand) {
  served();
  StreamUser& busy = ask();
  list_.close_idle();
  settle();
  EXPECT_EQ(list_.idle(), 0U);
  EXPECT_FALSE(list_.empty());
  EXPECT_FALSE(busy.last_error);
}

TEST_F(Http2UpstreamTest, ConnectionsToAnotherTargetFinishWhatTheyHave) {
  StreamUser& user = ask();
  list_.configure(idle_time_, 2);
  EXPECT_EQ(list_.find_room(), nullptr);
  transport_->receive(wire::response(1, kWhole));
  settle();
  EXPECT_THAT(user.events, testing::Contains("end"));
  EXPECT_TRUE(list_.empty());
}

TEST_F(Http2UpstreamTest, AnIdleConnectionThatTheNodeClosesIsNotedAsSuch) {
  served();
  transport_->receive_end();
  settle();
  EXPECT_TRUE(list_.empty());
  EXPECT_THAT(told_, ElementsAre("connected", "closed by node"));
}

/// A node at the other end of real sockets, whose events come late.
TEST_F(Http2UpstreamTest, AnIdleConnectionThatTheNodeHasClosedIsNotLeased) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  UniqueFd node(ends[1]);
  StreamUser& user = lease(add(UniqueFd(ends[0])));
  Http2UpstreamConnection& connection = *list_.find_room();
  const auto say = [&node](const std::string& bytes) {
    EXPECT_EQ(write(node.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  };
  settle();
  say(wire::frame(wire::Kind::settings, 0, 0, ""));
  settle();
  ASSERT_THAT(user.events, ElementsAre("connected"));
  send(user);
  settle();
  say(wire::response(1, kWhole));
  settle();
  ASSERT_EQ(list_.idle(), 1U);
  EXPECT_TRUE(connection.is_fresh(Repeat::forbidden));
  // All of what was sent has to be read, or the close would be a reset.
  std::array<char, 4096> sink{};
  while (read(node.get(), sink.data(), sink.size()) > 0) {
  }
  say(wire::goaway(1, ErrorCode::no_error));
  node.reset();
  EXPECT_EQ(list_.find_idle(Repeat::forbidden, kUsable), nullptr);
  settle();
  EXPECT_TRUE(list_.empty());
}

}  // namespace
}  // namespace bonedry::proxy
