#pragma once

#include "balancer/routing.h"
#include "proxy/exchange_context.h"
#include "proxy/exchange_state.h"
#include "proxy/inquiries.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/io/tls_info.h"
#include "proxy/node_token.h"
#include "proxy/phase_clock.h"
#include "proxy/stall.h"
#include "proxy/stream.h"
#include "proxy/stream_ref.h"
#include "session/affinity.h"
#include "session/pass_checker.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

/// Where a request comes from.
struct RequestSource {
  DownstreamStream* stream = nullptr;
  std::size_t listener = 0;
  std::string_view address;          ///< of the listener; outlives the exchange
  http::ClientInfo client;           ///< its texts outlive the exchange
  const io::TlsInfo* tls = nullptr;  ///< null: not encrypted; until the client's connection closes
  std::uint32_t stream_id = 0;       ///< in HTTP/2; 0: the protocol has none
};

/// One request and its response, whatever protocols the client's and the node's side speak. Finds
/// the session, chooses a node and leases a stream to it; forwards both messages with backpressure;
/// retries where that is safe; updates the node's counters and the ledger. Lives on one worker,
/// which lends it to a downstream connection and gets it back when it is over.
///
/// Members hold only what is needed from one event to the next, grouped by topic.
class Exchange final : public DownstreamEvents, public UpstreamEvents {
 public:
  explicit Exchange(ExchangeContext& context);

  // -- for the client's side ------------------------------------------------------------------
  /// The client's side writes the head here, before `start`.
  [[nodiscard]] http::Head& request_head() { return request_head_; }
  /// The head is complete and may be forwarded.
  void start(const RequestSource& source, const http::RequestInfo& info);
  void on_request_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_request_pipes() const override;
  void on_request_body(io::PipeLease body, Last last) override;
  void on_request_read_end() override;
  void on_downstream_progress() override;
  void on_downstream_drained() override;
  void on_downstream_lost() override;
  /// Ends the exchange if it is a tunnel or has lost its client, and the operator has taken all
  /// sessions off its node (deadline, forced maintenance) in the current topology; or if it is the
  /// tunnel of a pass that was revoked. Any other exchange ends by itself.
  void end_if_displaced();
  /// The value of X-Request-Id in the response; empty: as the node says.
  [[nodiscard]] std::string_view response_request_id() const {
    return context_.request_ids().in_responses() ? request_id_ : std::string_view{};
  }
  /// Nothing but 1xx has been sent to the client yet.
  [[nodiscard]] bool response_not_started() const { return response_ == ResponseState::waiting; }
  /// Whether the exchange continues after its client has left (on_client_gone = "finish").
  [[nodiscard]] bool continues_without_client() const;
  /// The exchange has ended. Set before the downstream connection is notified.
  [[nodiscard]] bool over() const { return response_ == ResponseState::done; }
  /// Prepares it for the next request; keeps the memory of its heads.
  void reset();

  // -- for the node's side --------------------------------------------------------------------
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override;
  [[nodiscard]] const io::TlsInfo* client_tls() const override { return source_.tls; }
  void on_turn(ConnectionToken turn) override;
  void on_connected() override;
  void on_interim_head() override;
  void on_response_head(const http::ResponseInfo& response) override;
  void on_response_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_response_pipes() const override;
  void on_response_body(io::PipeLease body, Last last) override;
  void on_response_read_end() override;
  void on_upstream_progress() override;
  void on_upstream_drained() override;

  // -- for both -------------------------------------------------------------------------------
  /// The one place where errors are retried, turned into a response, logged and counted.
  void on_error(const ExchangeError& error) override;

 private:
  // The request's session, and how the response changes it (exchange_session.cc).
  [[nodiscard]] bool find_session();
  [[nodiscard]] session::SessionBinding look_up(session::SessionInquiry* inquiry);
  [[nodiscard]] bool matches_exemption() const;
  void note_exemption();
  [[nodiscard]] std::string update_session();
  void tell_others();
  [[nodiscard]] session::ResponseCookies read_user_cookies() const;
  [[nodiscard]] session::CookieContext cookie_context() const;

  // Testers' requests (exchange_pass.cc).
  [[nodiscard]] bool admit_pass();
  void route_pass();
  [[nodiscard]] http::RequestEdits request_edits() const;
  [[nodiscard]] bool is_pass_revoked() const;

  // Waiting for the other members of a cluster (exchange_wait.cc).
  [[nodiscard]] bool ask_others(const session::SessionInquiry& inquiry);
  void on_answers();
  void look_again();
  void wait_at_door();
  void check_door();

  // Choosing a node (exchange_route.cc).
  [[nodiscard]] const std::shared_ptr<PoolRuntime>& current_runtime() const;
  void route();
  [[nodiscard]] balancer::RouteDecision fenced(balancer::RouteDecision decision,
                                               const balancer::NodeView& claimed) const;
  /// Whether the request is not of a user: it has no session, and begins none.
  [[nodiscard]] bool is_exempt() const {
    return routing_.decision == balancer::RouteDecision::exempt;
  }
  void pick_node(balancer::RouteDecision decision);
  [[nodiscard]] std::optional<std::size_t> choose_node();
  [[nodiscard]] std::size_t bind_session(balancer::RouteDecision decision, std::size_t chosen);
  void follow_session(std::size_t node);
  void attempt(std::size_t node);
  [[nodiscard]] LeaseRequest lease_request() const;
  void take(const NodeStreams::Lease& lease);
  void leave_queue();
  [[nodiscard]] bool commit_rescue();
  void follow_topology();
  void leave_node();
  void try_other_node(const ExchangeError& error);
  [[nodiscard]] bool retry_own_node(const ExchangeError& error);

  void set(RequestState state);
  void set(ResponseState state);
  void set(AttemptState state);
  void note_step(AttemptState state);

  void request_complete(std::string_view trailers);
  void await_response();
  void keep_for_retry(const BodySlices& body);
  void send_kept_body();
  [[nodiscard]] bool too_large(std::uint64_t body) const;
  void stop_reading_request();
  void response_complete(std::string_view trailers);

  // Errors, retries and the end (exchange_error.cc).
  void report(const ExchangeError& error);
  [[nodiscard]] bool is_replayable() const;
  [[nodiscard]] bool is_kept() const;
  [[nodiscard]] bool take_retry(Retry retry);
  [[nodiscard]] bool take_refusal();
  void retry(Retry why);
  void hold_request();
  void fail(EndReason reason);
  void reply(EndReason reason);
  void answer(const LocalAnswer& answer);
  void respond(EndReason reason, const http::LocalResponse& response);
  void release_upstream(StreamEnd end = StreamEnd::complete);
  void finish(EndReason reason, StreamEnd end);
  void count_at_node();
  /// At once, not when the exchange ends: a tunnel may last for days.
  void count_in(std::uint64_t bytes) {
    stats_.bytes_in += bytes;
    if (held_.meter != nullptr) held_.meter->bytes_in.add(bytes);
  }
  void count_out(std::uint64_t bytes) {
    stats_.bytes_out += bytes;
    if (held_.meter != nullptr) held_.meter->bytes_out.add(bytes);
  }
  void note_last_request();
  void write_log(EndReason reason);
  [[nodiscard]] std::string_view client_address() const;

  // Tunnels, and exchanges that end when sessions are displaced (exchange_tunnel.cc).
  [[nodiscard]] bool on_displaced_node() const;
  void begin_tunnel();
  [[nodiscard]] bool in_tunnel() const { return held_.tunnel.has_value(); }
  void end_tunnel(EndReason reason);
  void leave_tunnel();

  /// The client may send more for the node.
  [[nodiscard]] bool takes_request() const {
    return request_ == RequestState::body || request_ == RequestState::tunnel;
  }
  [[nodiscard]] bool takes_response() const {
    return response_ == ResponseState::body || response_ == ResponseState::tunnel;
  }
  /// Nothing more goes to the node.
  [[nodiscard]] bool request_over() const {
    return request_ == RequestState::done || request_ == RequestState::dropped;
  }

  // Stall detection (exchange_stall.cc).
  [[nodiscard]] StallCause stall_cause() const;
  [[nodiscard]] Millis time_limit() const;
  void note_progress();
  void watch();
  void note_acknowledged();
  void check_progress();
  void on_stalled();

  void on_timeout();
  void arm_for(Millis delay);

  ExchangeContext& context_;
  io::Timer timer_;  // for all time-outs of the exchange, see on_timeout
  ReentrancyGuard calls_;

  RequestSource source_;
  StreamRef<DownstreamStream> downstream_{calls_};
  StreamRef<UpstreamStream> upstream_{calls_};
  std::shared_ptr<PoolRuntime> runtime_;  // null: answered without a node
  http::Head request_head_;
  http::Head response_head_;
  http::RequestInfo info_;
  std::optional<http::Refusal> refusal_;
  ReplayBody kept_body_;
  RequestIds::Made made_request_id_{};
  std::string_view request_id_;  // in the request's head, or the one that was made; empty: none

  RequestState request_ = RequestState::done;
  ResponseState response_ = ResponseState::done;
  AttemptState attempt_ = AttemptState::none;
  EndReason end_reason_ = EndReason::completed;

  std::optional<session::ValidPass> pass_;  // of a tester, whose exchange has no session
  session::SessionBinding binding_;
  std::unique_ptr<PendingInquiry> inquiry_;  // null: the other members were not asked
  /// How the node was chosen.
  struct Routing {
    balancer::RouteDecision decision = balancer::RouteDecision::new_session;
    std::vector<std::size_t> tried;  // nodes that could not be reached
    unsigned own_node_tries = 0;
    unsigned refusals = 0;  // by nodes, of streams
    Instant held_since;     // it first waited for a held door; `ms` is 0: it has not
    // For the next attempt: a retried request must not meet another dead idle connection.
    ConnectionReuse reuse = ConnectionReuse::allowed;

    void reset();  // keeps memory
  } routing_;

  /// What the exchange holds of its node.
  struct Held {
    std::shared_ptr<balancer::Node> node;  // counts this exchange as open, of a user or with a pass
    balancer::NodeMeter* meter = nullptr;  // of that node; null if there is none
    std::size_t index = 0;
    SessionReservation reservation;     // for the session that the response will begin
    std::optional<TunnelToken> tunnel;  // nothing: not in a tunnel; empty: with a pass
  } held_;

  /// When the exchange last made progress, or began to wait.
  struct Progress {
    Flow to_client = Flow::open;  // the response, at the last flush
    Flow to_node = Flow::open;    // the request, at the last flush
    Instant at;
    struct Unacknowledged {
      std::size_t client = 0;
      std::size_t node = 0;
    };
    std::optional<Unacknowledged> unacknowledged;  // at the last check, if no progress since
  } progress_;

  /// For the access log and counters.
  struct Stats {
    Instant started;
    int status = 0;
    LocalAnswer::Logged logged = LocalAnswer::Logged::yes;
    PhaseClock phases;
    unsigned interim_heads = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  } stats_;
};

}  // namespace bonedry::proxy
