#pragma once

#include "proxy/http2_upstream_connection.h"
#include "proxy/http2_upstream_list.h"
#include "tests/unit/http/message.h"
#include "tests/unit/http2/client_rig.h"
#include "tests/unit/proxy/exchange_rig.h"
#include "tests/unit/proxy/scripted_transport.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::proxy::test {

/// Frames of the node, see tests/unit/http2.
namespace wire = http2::test;

inline constexpr std::uint8_t kHead = wire::kEndHeaders;
inline constexpr std::uint8_t kWhole = wire::kEndHeaders | wire::kEndStream;

/// An exchange on a stream to a node. Records the events that it gets, and releases its stream at
/// the end.
class StreamUser final : public UpstreamEvents {
 public:
  std::vector<std::string> events;
  std::string body;
  std::string trailers;
  std::optional<ExchangeError> last_error;
  UpstreamStream* stream = nullptr;  ///< null once it has been released
  std::function<void()> when_lost;   ///< called on an error, before the stream is released

  void release() {
    if (stream != nullptr) std::exchange(stream, nullptr)->release();
  }
  /// "error refused", or the other ways to retry; "" if there was none.
  [[nodiscard]] std::optional<Retry> retry() const {
    return last_error ? std::optional(last_error->retry) : std::nullopt;
  }

  [[nodiscard]] http::Head& response_head() override { return head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override { return {}; }
  [[nodiscard]] const io::TlsInfo* client_tls() const override { return nullptr; }
  void on_turn(ConnectionToken /*turn*/) override { events.emplace_back("turn"); }
  void on_connected() override { events.emplace_back("connected"); }
  void on_interim_head() override { note_head("interim"); }
  void on_response_head(const http::ResponseInfo& /*response*/) override { note_head("head"); }
  void on_response_body(const BodySlices& slices, Last last, std::string_view lines) override {
    slices.append_to(body);
    if (last == Last::no) return;
    trailers = lines;
    events.emplace_back("end");
    release();
  }
  [[nodiscard]] bool takes_response_pipes() const override { return false; }
  void on_response_body(io::PipeLease /*pipe*/, Last /*last*/) override {}
  void on_response_read_end() override {}
  void on_upstream_progress() override {}
  void on_upstream_drained() override { events.emplace_back("drained"); }
  void on_error(const ExchangeError& error) override {
    last_error = error;
    events.emplace_back("error");
    if (when_lost) when_lost();
    release();
  }

 private:
  void note_head(const std::string& kind) {
    events.push_back(kind + " " + std::to_string(head_.status));
    head_.clear();
  }

  http::Head head_;
};

/// A worker's list of connections to one node, which is made of frames.
class Http2UpstreamRig : public testing::Test, protected NodeObserver {
 protected:
  Http2UpstreamRig() { list_.configure(idle_time_, 1); }

  /// A new connection, which is still connecting.
  Http2UpstreamConnection& add() {
    auto transport = std::make_unique<ScriptedTransport>();
    transport_ = transport.get();
    return add(std::move(transport));
  }
  Http2UpstreamConnection& add(io::TransportSource transport) {
    UpstreamTarget target;
    target.generation = 1;
    target.connect_timeout = connect_timeout_;
    target.streams = streams_;
    target.expected_streams = expected_streams_;
    return list_.add(std::make_unique<Http2UpstreamConnection>(
        static_cast<NodeObserver&>(*this), list_.owner(), context_, target, std::move(transport)));
  }
  StreamUser& lease(Http2UpstreamConnection& connection) {
    StreamUser& user = users_.emplace_back();
    user.stream = &connection.lease(user, ConnectionToken());
    return user;
  }
  /// Sends a request without a body.
  static void send(StreamUser& user, std::string_view text = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n") {
    const http::test::ParsedRequest request(text);
    user.stream->send_head(request.head, request.facts(), {"192.0.2.7", "http"}, {});
    EXPECT_EQ(user.stream->flush(), Flow::open);
  }
  /// Begins to send a request with a body, whose end is left to the test.
  static void send_upload(StreamUser& user, std::string_view body) {
    const http::test::ParsedRequest request(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    user.stream->send_head(request.head, request.facts(), {"192.0.2.7", "http"}, {});
    user.stream->send_body(Piece(body).slices());
  }
  /// Connects, and sends the node's SETTINGS.
  void greet(const std::string& settings = wire::frame(wire::Kind::settings, 0, 0, "")) {
    transport_->become_writable();
    settle();
    transport_->receive(settings + wire::frame(wire::Kind::settings, wire::kEndStream, 0, ""));
    settle();
  }
  /// An open connection with a stream whose request has been sent.
  StreamUser& ask() {
    StreamUser& user = lease(add());
    greet();
    send(user);
    settle();
    return user;
  }
  /// A connection that has served one stream and is idle.
  Http2UpstreamConnection& served() {
    StreamUser& user = lease(add());
    Http2UpstreamConnection& connection = *list_.find_room();
    greet();
    send(user);
    settle();
    answer(1);
    EXPECT_TRUE(connection.is_idle());
    return connection;
  }
  /// The node sends a whole response, or other frames.
  void answer(http2::StreamId id) { receive(wire::response(id, kWhole)); }
  void receive(const std::string& frames) {
    transport_->receive(frames);
    settle();
  }
  /// Runs what is deferred, and frees what is retired.
  void settle() {
    for (int i = 0; i < 4; ++i) uv_run(loop_.raw(), UV_RUN_NOWAIT);
  }
  /// The frames that the node has got since the last call.
  std::vector<wire::Received> all_got() {
    std::string bytes = std::exchange(transport_->written, {});
    if (bytes.starts_with(wire::kPreface)) bytes.erase(0, wire::kPreface.size());
    return wire::parse(bytes);
  }
  /// Those of this kind.
  std::vector<wire::Received> got(wire::Kind kind) {
    std::vector<wire::Received> frames = all_got();
    std::erase_if(frames, [kind](const wire::Received& one) { return one.kind != kind; });
    return frames;
  }
  /// The body bytes in them.
  std::string data_got() {
    std::string data;
    for (const wire::Received& one : got(wire::Kind::data)) data += one.payload;
    return data;
  }

  Http2Shared http2_;  // before the loop, which frees connections at last
  io::EventLoop loop_;
  BlockPool blocks_;
  io::PipePool pipes_;
  ConnectionContext context_{loop_, blocks_, pipes_, http2_, {}};
  UpstreamLimiter limiter_{100};
  Millis connect_timeout_ = std::chrono::seconds{5};
  Millis idle_time_ = std::chrono::seconds{10};
  unsigned streams_ = 8;
  unsigned expected_streams_ = 100;
  std::vector<std::string> told_;  // of the node
  std::deque<StreamUser> users_;
  ScriptedTransport* transport_ = nullptr;  // of the last connection, while it is open
  Http2UpstreamList list_{loop_, limiter_};

 private:
  void on_connect_succeeded() override { told_.emplace_back("connected"); }
  [[nodiscard]] ExchangeError on_connect_failed(int error, const std::string& why) override {
    told_.push_back("failed: " + why);
    return {EndReason::connect_failed, Retry::other_node, error};
  }
  void on_tls_failed(const std::string& /*why*/) override { told_.emplace_back("tls"); }
  void on_closed_by_node(Millis /*idle*/, Instant /*since*/) override {
    told_.emplace_back("closed by node");
  }
};

}  // namespace bonedry::proxy::test
