#include "proxy/upstream_connection.h"

#include "tests/unit/http/message.h"
#include "tests/unit/proxy/scripted_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::proxy {
namespace {

using http::test::ParsedRequest;
using http::test::text_of;
using test::ScriptedTransport;
using testing::HasSubstr;
using testing::StartsWith;

/// The exchange to which the connection is lent. Records the events that it gets.
class RecordingExchange final : public UpstreamEvents {
 public:
  std::vector<std::string> events;
  std::string body;

  [[nodiscard]] http::Head& response_head() override { return head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override { return {}; }
  [[nodiscard]] const io::TlsInfo* client_tls() const override { return nullptr; }
  void on_turn(ConnectionToken /*turn*/) override { events.emplace_back("turn"); }
  void on_connected() override { events.emplace_back("connected"); }
  void on_interim_head() override { note_head("interim"); }
  void on_response_head(const http::ResponseInfo& /*response*/) override { note_head("head"); }
  void on_response_body(const BodySlices& slices, Last last,
                        std::string_view /*trailers*/) override {
    http::BodyWriter writer;
    writer.start(http::FramingKind::length);
    SliceQueue queue;
    slices.write_to(writer, http::HeadSink{queue, blocks_});
    body += text_of(queue);
    if (last == Last::yes) events.emplace_back("end");
  }
  [[nodiscard]] bool takes_response_pipes() const override { return true; }
  void on_response_body(io::PipeLease /*pipe*/, Last /*last*/) override {
    events.emplace_back("pipe");
  }
  void on_response_read_end() override {}
  void on_upstream_progress() override { events.emplace_back("progress"); }
  void on_upstream_drained() override { events.emplace_back("drained"); }
  void on_error(const ExchangeError& error) override {
    last_error = error;
    events.emplace_back("error");
  }

  std::optional<ExchangeError> last_error;

 private:
  void note_head(const std::string& kind) {
    events.push_back(kind + " " + std::to_string(head_.status));
    head_.clear();
  }

  BlockPool blocks_;
  http::Head head_;
};

class UpstreamConnectionTest : public testing::Test, private UpstreamOwner {
 protected:
  /// Lends the connection, which is connected unless `openings_` says otherwise.
  void open() {
    auto transport = std::make_unique<ScriptedTransport>();
    transport_ = transport.get();
    transport_->openings = openings_;
    transport_->opening_error = opening_error_;
    connection_ = std::make_unique<UpstreamConnection>(
        static_cast<UpstreamOwner&>(*this), context_,
        UpstreamTarget{1, protocol_, std::chrono::seconds{5}}, std::move(transport));
    connection_->lend(exchange_, ConnectionToken());
    transport_->become_writable();
  }
  void send(std::string_view text) {
    const ParsedRequest request(text);
    connection_->send_head(request.head, request.facts(), {"192.0.2.7", "http"}, {});
    EXPECT_EQ(connection_->flush(), Flow::open);
  }

  Http2Shared http2_;  // before the loop, which frees connections at last
  io::EventLoop loop_;
  BlockPool blocks_;
  io::PipePool pipes_;
  ConnectionContext context_{loop_, blocks_, pipes_, http2_, {}};
  std::deque<io::IoStatus> openings_;
  int opening_error_ = 0;
  conf::ProxyProtocol protocol_ = conf::ProxyProtocol::off;
  Millis idle_time_ = std::chrono::seconds{10};
  std::vector<std::string> told_;  // calls to the owner
  RecordingExchange exchange_;
  ScriptedTransport* transport_ = nullptr;
  std::unique_ptr<UpstreamConnection> connection_;

 private:
  void on_connect_succeeded() override { told_.emplace_back("connected"); }
  [[nodiscard]] ExchangeError on_connect_failed(int error, const std::string& /*why*/) override {
    return {EndReason::connect_failed, Retry::other_node, error};
  }
  void on_tls_failed(const std::string& /*why*/) override {}
  [[nodiscard]] Millis max_idle_time(const UpstreamConnection& /*connection*/) const override {
    return idle_time_;
  }
  void on_idle(UpstreamConnection& /*connection*/) override { told_.emplace_back("idle"); }
  void on_busy(UpstreamConnection& /*connection*/) override { told_.emplace_back("not idle"); }
  void on_closed_by_node(Millis /*idle*/, Instant /*since*/) override {
    told_.emplace_back("closed by node");
  }
  void drop(UpstreamConnection& connection) override {
    told_.emplace_back("dropped");
    connection.close();
    loop_.retire(std::move(connection_));
  }
};

using testing::ElementsAre;

TEST_F(UpstreamConnectionTest, IsConnectedOnceItsTransportIsOpen) {
  openings_ = {io::IoStatus::would_block, io::IoStatus::would_block};
  open();
  transport_->become_writable();
  EXPECT_THAT(exchange_.events, ElementsAre()) << "a handshake takes several steps";
  EXPECT_FALSE(connection_->connected());
  transport_->become_writable();
  EXPECT_THAT(exchange_.events, ElementsAre("connected"));
  EXPECT_THAT(told_, ElementsAre("connected"));
}

TEST_F(UpstreamConnectionTest, FailsToConnectWithTheErrorOfItsTransport) {
  openings_ = {io::IoStatus::failed};
  opening_error_ = ECONNREFUSED;
  open();
  EXPECT_THAT(exchange_.events, ElementsAre("error"));
  EXPECT_EQ(exchange_.last_error->error, ECONNREFUSED);
  EXPECT_THAT(told_, ElementsAre()) << "the node was not reached";
  connection_->release();
  EXPECT_THAT(told_, ElementsAre("dropped"));
}

TEST_F(UpstreamConnectionTest, ServesAnotherExchangeWhenBothMessagesAreComplete) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  EXPECT_THAT(transport_->written, testing::StartsWith("GET /x HTTP/1.1\r\nHost: shop\r\n"));
  transport_->receive("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-");
  transport_->receive("Length: 4\r\n\r\nab");
  transport_->receive("cd");
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "interim 103", "head 200", "end"));
  EXPECT_EQ(exchange_.body, "abcd");
  connection_->release();
  EXPECT_THAT(told_, ElementsAre("connected", "idle"));

  exchange_.events.clear();
  transport_->written.clear();
  connection_->lend(exchange_, ConnectionToken());
  send("GET /y HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_THAT(exchange_.events, ElementsAre("head 204", "end"));
}

TEST_F(UpstreamConnectionTest, IsDroppedWhenItsOwnerKeepsNoneIdle) {
  idle_time_ = Millis{0};
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 204 No Content\r\n\r\n");
  connection_->release();
  EXPECT_THAT(told_, ElementsAre("connected", "dropped"));
}

TEST_F(UpstreamConnectionTest, WhatComesUnaskedWhileIdleIsNoAnswer) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 204 No Content\r\n\r\n");
  connection_->release();
  transport_->receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(told_, ElementsAre("connected", "idle", "dropped", "not idle"));
}

TEST_F(UpstreamConnectionTest, StrayBytesAfterAResponseKeepItFromBeingReused) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200");
  connection_->release();
  EXPECT_THAT(told_, ElementsAre("connected", "dropped"));
}

TEST_F(UpstreamConnectionTest, TheEndOfTheTransportEndsABodyThatHasNoOtherEnd) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 200 OK\r\n\r\nab");
  transport_->receive_end();
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "head 200", "end"));
  EXPECT_EQ(exchange_.body, "ab");
  connection_->release();
  EXPECT_THAT(told_, ElementsAre("connected", "dropped"));
}

TEST_F(UpstreamConnectionTest, AFailureNeverEndsABody) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 200 OK\r\n\r\nab");
  transport_->fail(ECONNRESET);
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "head 200", "error"));
  EXPECT_EQ(exchange_.last_error->reason, EndReason::response_cut);
  EXPECT_EQ(exchange_.last_error->error, ECONNRESET);
}

TEST_F(UpstreamConnectionTest, AnEndBeforeTheLengthIsReachedIsAnError) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  transport_->receive("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
  transport_->receive_end();
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "head 200", "error"));
  EXPECT_EQ(exchange_.last_error->reason, EndReason::response_cut);
}

TEST_F(UpstreamConnectionTest, ALongBodyGoesThroughMemoryWhereTheTransportHasNoPipes) {
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  const std::string body(200'000, 'x');
  transport_->receive("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
  transport_->receive(body);
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "head 200", "end"));
  EXPECT_EQ(exchange_.body, body);
  EXPECT_FALSE(connection_->takes_pipes());
}

TEST_F(UpstreamConnectionTest, TellsWhatTheTransportTakesBitByBit) {
  open();
  transport_->takes_bytes = 10;
  const ParsedRequest request("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  connection_->send_head(request.head, request.facts(), {"192.0.2.7", "http"}, {});
  EXPECT_EQ(connection_->flush(), Flow::congested);
  transport_->takes_bytes = 10;
  transport_->become_writable();
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "progress"));
  transport_->takes_bytes = SIZE_MAX;
  transport_->become_writable();
  EXPECT_THAT(exchange_.events, ElementsAre("connected", "progress", "progress", "drained"));
  EXPECT_EQ(connection_->unsent(), 0U);
}

TEST_F(UpstreamConnectionTest, OneForNoClientSaysSoInItsProxyHeader) {
  protocol_ = conf::ProxyProtocol::v1;
  open();
  send("GET /x HTTP/1.1\r\nHost: shop\r\n\r\n");
  EXPECT_THAT(transport_->written, StartsWith("PROXY UNKNOWN\r\nGET /x HTTP/1.1\r\n"));
}

TEST_F(UpstreamConnectionTest, ItsProxyHeaderIsSentBeforeAHandshake) {
  protocol_ = conf::ProxyProtocol::v1;
  openings_ = {io::IoStatus::would_block};
  open();
  EXPECT_FALSE(connection_->connected());
  EXPECT_EQ(transport_->written, "PROXY UNKNOWN\r\n");
}

}  // namespace
}  // namespace bonedry::proxy
