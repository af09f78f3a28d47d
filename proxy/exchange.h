#pragma once

#include "balancer/routing.h"
#include "proxy/exchange_context.h"
#include "proxy/exchange_state.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/node_token.h"
#include "proxy/stall.h"
#include "proxy/stream.h"
#include "proxy/stream_ref.h"
#include "session/affinity.h"

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
  http::ClientInfo client;  ///< its texts outlive the exchange
};

/// One request and its response, between a client's and a node's side of whatever protocol: finds
/// the session, the node, a stream to it; passes both messages through with back-pressure; retries
/// where nothing is at stake; keeps node and ledger told. Lives on one worker, which lends it to a
/// downstream connection and gets it back when it is over.
///
/// What is a member is needed from one event to the next; it is grouped by what it is about.
class Exchange final : public DownstreamEvents, public UpstreamEvents {
 public:
  explicit Exchange(ExchangeContext& host);

  // -- for the client's side ------------------------------------------------------------------
  /// Where the client's side puts the head, before `start`.
  [[nodiscard]] http::Head& request_head() { return request_head_; }
  /// The head is complete and fit to be forwarded.
  void start(const RequestSource& source, const http::RequestInfo& info);
  void on_request_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_request_pipes() const override;
  void on_request_body(io::PipeLease body, Last last) override;
  void on_request_read_end() override;
  void on_downstream_progress() override;
  void on_downstream_drained() override;
  void on_downstream_lost() override;
  /// Ends what goes to a node whose users the operator has taken off it (deadline, forced
  /// maintenance) by the topology of now, if it is a tunnel or has no client any more. Anything
  /// else ends by itself.
  void end_if_displaced();
  /// Nothing of an answer has been sent yet, but perhaps 1xx.
  [[nodiscard]] bool response_not_started() const { return response_ == ResponseState::waiting; }
  /// Whether the node is to finish what it does for a client that has left.
  [[nodiscard]] bool continues_without_client() const;
  /// Everything is sent and done; set before the downstream connection is told.
  [[nodiscard]] bool over() const { return response_ == ResponseState::done; }
  /// Makes it as new, but keeps the memory of its heads.
  void reset();

  // -- for the node's side --------------------------------------------------------------------
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override;
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
  /// The one place where what has gone wrong is retried, answered, logged and counted.
  void on_error(const ExchangeError& error) override;

 private:
  // Whose request it is, and what the answer does to their session (exchange_session.cc).
  void find_session();
  [[nodiscard]] std::string update_session();
  [[nodiscard]] session::ResponseCookies read_user_cookies() const;
  [[nodiscard]] session::CookieContext cookie_context() const;

  // Choosing a node (exchange_route.cc).
  [[nodiscard]] const std::shared_ptr<PoolRuntime>& current_runtime() const;
  void route();
  void pick_node(balancer::RouteDecision decision);
  void attempt(std::size_t node);
  [[nodiscard]] LeaseRequest lease_request() const;
  void take(const NodeStreams::Lease& lease);
  void leave_queue();
  [[nodiscard]] bool commit_rescue();
  void follow_topology();
  void leave_node();
  void try_other_node(const ExchangeError& error);
  [[nodiscard]] bool retry_session_node(const ExchangeError& error);

  void set(RequestState state);
  void set(ResponseState state);
  void set(AttemptState state);

  void request_complete(std::string_view trailers);
  void request_sent();
  void keep_for_retry(const BodySlices& body, std::string_view trailers);
  [[nodiscard]] bool too_large(std::uint64_t body) const;
  void stop_reading_request();
  void response_complete(std::string_view trailers);

  // What can go wrong (exchange_error.cc).
  void report(const ExchangeError& error);
  [[nodiscard]] bool is_replayable() const;
  [[nodiscard]] bool take_retry(Retry retry);
  void retry();
  void fail(EndReason reason);
  void reply(EndReason reason);
  void release_upstream();
  void finish(EndReason reason, StreamEnd end);
  void write_log(EndReason reason);

  // Tunnels, and what else a node is not waited for (exchange_tunnel.cc).
  [[nodiscard]] bool on_displaced_node() const;
  void begin_tunnel();
  [[nodiscard]] bool in_tunnel() const { return static_cast<bool>(held_.tunnel); }
  void end_tunnel(EndReason reason);
  void leave_tunnel();

  /// More may come from the client for the node.
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

  // Whether anything moves (exchange_stall.cc).
  [[nodiscard]] StallCause stall_cause() const;
  [[nodiscard]] Millis time_limit() const;
  void note_progress();
  void watch();
  void note_acknowledged();
  void look();
  void on_stalled();

  void on_timeout();
  void arm_for(Millis delay);

  ExchangeContext& context_;
  io::Timer timer_;  // of whatever is waited for, see on_timeout
  ReentrancyGuard calls_;

  RequestSource source_;
  StreamRef<DownstreamStream> downstream_{calls_};
  StreamRef<UpstreamStream> upstream_{calls_};
  std::shared_ptr<PoolRuntime> runtime_;
  http::Head request_head_;
  http::Head response_head_;
  http::RequestInfo info_;
  std::optional<http::Refusal> refusal_;
  std::optional<ReplayBody> kept_body_;

  RequestState request_ = RequestState::done;
  ResponseState response_ = ResponseState::done;
  AttemptState attempt_ = AttemptState::none;
  EndReason ending_ = EndReason::completed;

  session::SessionBinding binding_;
  /// How the node was chosen.
  struct Routing {
    balancer::RouteDecision decision = balancer::RouteDecision::new_session;
    std::vector<std::size_t> tried;  // nodes that could not be reached
    unsigned own_node_tries = 0;
    // Of the next attempt: a request that is sent again must not meet another dead connection.
    ConnectionReuse reuse = ConnectionReuse::allowed;

    void reset();  // keeps memory
  } routing_;

  /// What it has of its node.
  struct Held {
    std::shared_ptr<balancer::Node> node;  // which counts this exchange as open
    std::size_t index = 0;
    SessionReservation place;  // for the session that the answer will begin
    TunnelToken tunnel;
  } held_;

  /// When anything moved last, or began to be waited for.
  struct Progress {
    Flow to_client = Flow::open;  // of the answer, when last looked at
    Flow to_node = Flow::open;    // of the request, likewise
    Instant at;
    struct Unacknowledged {
      std::size_t client = 0;
      std::size_t node = 0;
    };
    std::optional<Unacknowledged> unacknowledged;  // at the last look, if nothing was sent since
  } progress_;

  /// For log and counters.
  struct Figures {
    Instant started;
    int status = 0;
    unsigned interim_heads = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  } figures_;
};

}  // namespace bonedry::proxy
