// What is counted of HTTP/2 on connections to nodes.
#include "tests/unit/proxy/http2_upstream_rig.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace bonedry::proxy {
namespace {

using http2::ErrorCode;
using test::Http2UpstreamRig;
using test::StreamUser;
namespace wire = test::wire;

class Http2UpstreamCountsTest : public Http2UpstreamRig {
 protected:
  [[nodiscard]] Http2Totals counted() const { return context_.http2_nodes.read(); }
};

TEST_F(Http2UpstreamCountsTest, AConnectionCountsWhileHttp2IsSpokenOnIt) {
  StreamUser& user = lease(add());
  EXPECT_EQ(counted().connections, 0U) << "it is connecting";
  greet();
  EXPECT_EQ(counted().connections_open, 1U);
  send(user);
  settle();
  answer(1);
  EXPECT_EQ(counted().connections_open, 1U) << "also while it is idle";
  list_.close_idle();
  EXPECT_EQ(counted().connections_open, 0U);
  EXPECT_EQ(counted().connections, 1U);
}

TEST_F(Http2UpstreamCountsTest, OneThatCannotBeMadeDoesNotCount) {
  lease(add());
  transport_->openings = {io::IoStatus::failed};
  transport_->opening_error = ECONNREFUSED;
  transport_->become_writable();
  EXPECT_EQ(counted().connections, 0U);
  EXPECT_EQ(counted().connections_open, 0U);
  EXPECT_EQ(counted().streams, 0U);
}

TEST_F(Http2UpstreamCountsTest, AStreamCountsOnceItIsWritten) {
  StreamUser& user = lease(add());
  greet();
  EXPECT_EQ(counted().streams, 0U) << "the node knows nothing of it";
  send_upload(user, "abc");
  (void)user.stream->flush();
  settle();
  EXPECT_EQ(counted().streams, 1U);
  user.stream->send_end("X-Sum: 1\r\n");
  (void)user.stream->flush();
  settle();
  EXPECT_EQ(counted().streams, 1U) << "trailers are no other";
  EXPECT_EQ(counted().streams_open, 1U);
  answer(1);
  EXPECT_EQ(counted().streams_open, 0U);
  EXPECT_EQ(counted().resets_sent, 0U);
}

TEST_F(Http2UpstreamCountsTest, OneThatIsGivenUpBeforeDoesNot) {
  Http2UpstreamConnection& connection = add();
  lease(connection);
  StreamUser& second = lease(connection);
  greet();
  send(second);
  second.release();
  settle();
  EXPECT_EQ(counted().streams, 0U);
  EXPECT_EQ(counted().resets_sent, 0U) << "there is nothing to be reset";
}

TEST_F(Http2UpstreamCountsTest, StreamsEndWithTheirConnection) {
  ask();
  EXPECT_EQ(counted().streams_open, 1U);
  transport_->receive_end();
  settle();
  EXPECT_EQ(counted().streams_open, 0U);
  EXPECT_EQ(counted().connections_open, 0U);
}

TEST_F(Http2UpstreamCountsTest, ResetsByEitherSideAndRefusals) {
  Http2UpstreamConnection& connection = add();
  for (int i = 0; i < 3; ++i) lease(connection);
  greet();
  for (StreamUser& user : users_) send(user);
  settle();
  receive(wire::reset(1, ErrorCode::internal_error));
  EXPECT_EQ(counted().resets_received, 1U);
  EXPECT_EQ(counted().refused, 0U);
  receive(wire::reset(3, ErrorCode::refused_stream));
  EXPECT_EQ(counted().resets_received, 2U);
  EXPECT_EQ(counted().refused, 1U);
  users_[2].release();
  settle();
  EXPECT_EQ(counted().resets_sent, 1U);
  EXPECT_EQ(counted().streams, 3U);
  EXPECT_EQ(counted().streams_open, 0U);
}

TEST_F(Http2UpstreamCountsTest, AGoawayIsNoReset) {
  ask();
  StreamUser& above = lease(*list_.find_room());
  send(above);
  settle();
  receive(wire::goaway(1, ErrorCode::no_error));
  EXPECT_EQ(above.retry(), Retry::refused);
  EXPECT_EQ(counted().goaways_received, 1U);
  EXPECT_EQ(counted().goaways_sent, 0U);
  EXPECT_EQ(counted().resets_received, 0U);
  EXPECT_EQ(counted().refused, 0U);
  EXPECT_EQ(counted().streams_open, 1U);
}

TEST_F(Http2UpstreamCountsTest, ANodeThatBreaksTheRulesGetsAGoaway) {
  ask();
  transport_->receive(wire::frame(wire::Kind::data, 0, 0, "x"));
  settle();
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(counted().goaways_sent, 1U);
  EXPECT_EQ(counted().goaways_received, 0U);
}

TEST_F(Http2UpstreamCountsTest, AnUploadStallsOnceForEachTimeThatItWaits) {
  StreamUser& user = lease(add());
  greet(wire::setting(wire::kInitialWindowSize, 10));
  send_upload(user, "short");
  EXPECT_EQ(user.stream->flush(), Flow::open);
  settle();
  EXPECT_EQ(counted().stalls, 0U);
  for (std::uint64_t time = 1; time <= 2; ++time) {
    user.stream->send_body(test::Piece(std::string(25, 'x')).slices());
    EXPECT_EQ(user.stream->flush(), Flow::congested);
    settle();
    EXPECT_EQ(user.stream->flush(), Flow::congested);
    EXPECT_EQ(counted().stalls, time);
    receive(wire::frame(wire::Kind::window_update, 0, 1, wire::number(25)));
    EXPECT_EQ(user.events.back(), "drained");
  }
}

}  // namespace
}  // namespace bonedry::proxy
