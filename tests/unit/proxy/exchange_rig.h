#pragma once

#include "balancer/topology.h"
#include "proxy/exchange.h"
#include "session/mapped_ledger.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy::test {

using namespace std::chrono_literals;

/// The client's side of an exchange, controlled by the test. Records the calls that it gets: "head
/// 200", "body 5", "end", "local 503", "over complete", ….
class ScriptedClient final : public DownstreamStream {
 public:
  explicit ScriptedClient(std::vector<std::string>& log) : log_(log) {}

  // -- set by the test
  Flow flow = Flow::open;          ///< what `flush` returns
  std::deque<std::string> unread;  ///< request body, delivered while not paused
  std::string unread_trailers;     ///< after the last piece of `unread`
  bool left = false;               ///< what `gone` returns
  bool loud = false;               ///< `flush` calls back, which no stream may do
  std::size_t kept_back = 0;       ///< what `unsent` returns
  Exchange* exchange = nullptr;    ///< receives the body
  [[nodiscard]] bool paused() const { return !pauses_.none(); }
  [[nodiscard]] bool paused_for(PauseReason reason) const { return pauses_.has(reason); }

  void send_interim(const http::Head& head) override;
  void send_head(const http::Head& head, const http::ResponseInfo& response,
                 const http::ResponseEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override { return false; }
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  void send_local_response(const http::LocalResponse& answer) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return kept_back; }
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  [[nodiscard]] bool gone() const override { return left; }
  [[nodiscard]] EndpointPair endpoints() const override { return {}; }
  void pause(PauseReason reason) override { pauses_.add(reason); }
  void resume(PauseReason reason) override;
  void begin_tunnel() override;
  void on_exchange_end(StreamEnd end) override;

  std::string set_cookie;  ///< the cookie in the last head

 private:
  void deliver();

  std::vector<std::string>& log_;
  Pauses pauses_{PauseReason::no_node};
};

/// A node's side of one exchange. Records "to alice: head GET /x", "to alice: body 5", ….
class ScriptedStream final : public UpstreamStream {
 public:
  ScriptedStream(std::string node, std::vector<std::string>& log)
      : node_(std::move(node)), log_(log) {}

  Flow flow = Flow::open;
  bool is_connected = true;
  UpstreamEvents* exchange = nullptr;  ///< nullptr once the stream was released
  ConnectionToken in_use;
  [[nodiscard]] bool paused() const { return !pauses_.none(); }

  void send_head(const http::Head& head, const http::RequestInfo& request,
                 const http::ClientInfo& client, const http::RequestEdits& edits) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override { return false; }
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  Flow flush() override { return flow; }
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  void pause(PauseReason reason) override { pauses_.add(reason); }
  void resume(PauseReason reason) override { pauses_.remove(reason); }
  [[nodiscard]] bool connected() const override { return is_connected; }
  void release() override;
  void abort() override { release(); }

 private:
  void note(const std::string& what) { log_.push_back("to " + node_ + ": " + what); }

  std::string node_;
  std::vector<std::string>& log_;
  Pauses pauses_;
};

/// The outcome for the next exchange that asks the node for a connection.
enum class Offer : std::uint8_t { connected, connecting, queue, queue_full, refuse, shortage };

class ScriptedNode final : public NodeStreams {
 public:
  ScriptedNode(std::string name, std::vector<std::string>& log)
      : name_(std::move(name)), log_(log) {}

  Offer offer = Offer::connected;
  std::deque<std::unique_ptr<ScriptedStream>> streams;  ///< all streams that it has lent
  std::vector<LeaseRequest> asked;
  UpstreamEvents* waiting = nullptr;
  balancer::NodeMeter measured;

  [[nodiscard]] ScriptedStream& stream() { return *streams.back(); }
  [[nodiscard]] Lease lease(const LeaseRequest& request, UpstreamEvents& exchange) override;
  [[nodiscard]] Lease lease(const LeaseRequest& request, UpstreamEvents& exchange,
                            ConnectionToken turn) override;
  void leave_queue(UpstreamEvents& exchange) override;
  [[nodiscard]] balancer::NodeMeter& meter() override { return measured; }

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

/// One exchange between scripted sides, with alice and bob in the pool "shop". There is no thread
/// and no socket; the test advances the time.
class ExchangeTest : public testing::Test, public ExchangeContext {
 protected:
  static constexpr std::size_t kAlice = 0;
  static constexpr std::size_t kBob = 1;

  ExchangeTest();

  /// Sends a request head in HTTP/1 syntax, without its empty line. The rest of the body, if there
  /// is one, comes from `client.unread`.
  void ask(std::string_view head);
  /// The same from a client that has the cookie of its last response.
  void ask_again(std::string_view head);
  /// The head of a response, as the node's stream delivers it.
  void answer(std::size_t node, std::string_view head);
  void answer_body(std::size_t node, std::string_view text, Last last);
  /// A complete response with status 200.
  void answer_all(std::size_t node);
  void fail(std::size_t node, const ExchangeError& error);
  void pass(Millis by);
  /// Publishes a new topology with the current `pool_`, as the control plane does.
  void republish();

  [[nodiscard]] balancer::Node& node(std::size_t index) { return *pool_.nodes[index].node; }
  [[nodiscard]] ScriptedStream& stream(std::size_t index) { return nodes_[index].stream(); }
  [[nodiscard]] std::uint64_t ended(EndReason reason) const;
  /// What was counted of the node so far.
  [[nodiscard]] balancer::NodeTotals counted(std::size_t node) const;
  [[nodiscard]] bool said(const std::string& line) const;
  /// Makes the next new user go to this node: the other node's door is shut to new users.
  void only(std::size_t index);

  io::TimerWheel& timers() override { return timers_; }
  [[nodiscard]] Instant now() const override { return clock_.now(); }
  [[nodiscard]] Instant exact_now() const override { return clock_.now(); }
  [[nodiscard]] WallTime wall() const override { return clock_.wall(); }
  [[nodiscard]] const Router& router() const override { return router_; }
  [[nodiscard]] const conf::Limits& limits() const override { return limits_; }
  [[nodiscard]] const conf::Timeouts& timeouts() const override { return timeouts_; }
  [[nodiscard]] std::span<const conf::Network> trusted_proxies() const override { return {}; }
  [[nodiscard]] session::Ledger& ledger() override { return ledger_; }
  [[nodiscard]] Inquiries* inquiries() override { return inquiries_; }
  [[nodiscard]] bool is_fenced() const override { return fenced_; }
  void fence() { fenced_ = true; }
  [[nodiscard]] AccessLogQueue& access_log() override { return access_log_; }
  [[nodiscard]] ExchangeCounters& counters() override { return counters_; }
  [[nodiscard]] RequestIds& request_ids() override { return request_ids_; }
  [[nodiscard]] session::LastRequests* last_requests() override { return last_requests_; }
  [[nodiscard]] ProcessState process_state() const override { return process_; }
  [[nodiscard]] EndReason closing_reason() const override { return EndReason::client_gone; }
  void report_no_node(const std::string& pool) override { reports.push_back("no node in " + pool); }
  void report_out_of_resources(int error) override {
    reports.push_back("shortage " + std::to_string(error));
  }
  void report_node_failure(const balancer::NodeView& node, const ExchangeError& error) override {
    reports.push_back(node.node->key() + ": " + std::string(info_of(error.reason).name) +
                      (error.why[0] == '\0' ? "" : ": ") + error.why);
  }

  std::vector<std::string> log;
  std::vector<std::string> reports;
  conf::Limits limits_;
  conf::Timeouts timeouts_;
  balancer::PoolView pool_;
  conf::Listener listener_;
  ProcessState process_ = ProcessState::running;
  bool fenced_ = false;
  Inquiries* inquiries_ = nullptr;

 private:
  ManualClock clock_;
  session::MappedLedger ledger_{1000, clock_.now()};
  AccessLogQueue access_log_;
  ExchangeCounters counters_;
  session::LastRequests* last_requests_ = nullptr;
  RequestIds request_ids_{conf::RequestId::forward, Random(1), Random(2)};
  io::TimerWheel timers_{[this] { return clock_.now(); }};
  const std::vector<std::string> secrets_{"a secret of at least thirty-two characters"};
  std::shared_ptr<PoolState> memory_;
  std::string cookie_;
  // Parsed heads must stay in place until the test ends.
  std::deque<http::test::ParsedRequest> requests_;
  std::deque<http::test::ParsedResponse> responses_;
  Router router_;

 protected:
  std::deque<ScriptedNode> nodes_;
  ScriptedClient client{log};
  Exchange exchange;
};

/// A body of one piece, in its own block.
class Piece {
 public:
  explicit Piece(std::string_view text);
  [[nodiscard]] BodySlices slices() const { return {block_, block_->data(), pieces_}; }

 private:
  BlockRef block_;
  http::BodyPieces pieces_;
};

}  // namespace bonedry::proxy::test
