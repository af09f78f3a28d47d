#pragma once

#include "balancer/routing.h"
#include "proxy/end_reason.h"
#include "proxy/exchange_state.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/pool_runtime.h"
#include "proxy/stall.h"
#include "proxy/stream.h"
#include "session/affinity.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

class Worker;

/// Where an exchange comes from.
struct ExchangeOrigin {
  DownstreamStream* downstream = nullptr;
  std::size_t listener = 0;
  std::string_view client;  ///< outlives the exchange
  http::Trust trust = http::Trust::none;
};

/// One request and its response, between a client's and a node's side of whatever protocol: finds
/// the session, the node, a stream to it; passes both messages through with back-pressure; retries
/// where nothing is at stake; keeps node and ledger told. Lives on one worker, which lends it to a
/// downstream connection and gets it back when it is over.
class Exchange final : public DownstreamEvents, public UpstreamEvents {
 public:
  explicit Exchange(Worker& worker);

  // -- for the client's side ------------------------------------------------------------------
  /// Where the client's side parses the head into.
  [[nodiscard]] http::Head& request_head() { return request_head_; }
  /// The head is complete and fit to be forwarded.
  void start(const ExchangeOrigin& origin, const http::RequestFacts& facts);
  void on_request_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_request_pipes() const override;
  void on_request_body(io::PipeLease body, Last last) override;
  void on_request_batch() override;
  void on_bad_body(const http::Refusal& why) override;
  void on_progress() override;
  void on_downstream_drained() override;
  void on_downstream_lost() override;
  /// Ends what goes to a node whose users the operator has taken off it (deadline, forced
  /// maintenance) by the topology of now, if it is a tunnel or has no client any more. Anything
  /// else ends by itself.
  void leave_displaced_node();
  /// Nothing of an answer has been sent yet, but perhaps 1xx.
  [[nodiscard]] bool awaits_answer() const { return response_ == ResponseState::waiting; }
  /// Whether the node is to finish what it does for a client that has left.
  [[nodiscard]] bool outlives_client() const;
  /// Everything is sent and done; set before the downstream connection is told.
  [[nodiscard]] bool over() const { return response_ == ResponseState::done; }
  /// Makes it as new, but keeps the memory of its heads.
  void reset();

  // -- for the node's side --------------------------------------------------------------------
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] http::AskedBy asked_by() const override;
  void on_connection_free() override;
  void on_connected() override;
  void on_connect_failed(int error) override;
  void on_interim_head() override;
  void on_response_head(const http::ResponseFacts& facts) override;
  void on_response_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_response_pipes() const override;
  void on_response_body(io::PipeLease body, Last last) override;
  void on_response_batch() override;
  void on_upstream_drained() override;
  void on_bad_response(const char* why) override;
  void on_upstream_lost() override;

  // -- for both -------------------------------------------------------------------------------
  void on_shortage(int error) override;

 private:
  // Whose request it is, and what the answer does to their session (exchange_session.cc).
  void arrive();
  [[nodiscard]] std::string update_session();
  [[nodiscard]] session::Answer heard_of_user() const;
  [[nodiscard]] session::CookieContext cookie_context() const;

  // Choosing a node (exchange_route.cc).
  void choose();
  void choose_other(balancer::Verdict verdict);
  void attempt(std::size_t node);
  [[nodiscard]] bool take_connection();
  void join_queue();
  void leave_queue();
  void connect();
  [[nodiscard]] bool settle_rescue();
  void follow_topology();
  void leave_node();
  [[nodiscard]] bool ask_own_node_again(int error);
  void release_place();

  void set(RequestState state);
  void set(ResponseState state);
  void set(AttemptState state);

  void request_complete(std::string_view trailers);
  void request_sent();
  [[nodiscard]] balancer::Repeat repeat() const;
  [[nodiscard]] bool may_send_again() const;
  [[nodiscard]] bool take_repeat();
  void keep_body(const BodySlices& body, std::string_view trailers);
  void send_again();
  [[nodiscard]] bool too_large(std::uint64_t body) const;
  void refuse_body(EndReason reason, const http::Refusal& why);
  void drop_request();
  void response_complete(std::string_view trailers);

  // Tunnels, and what else a node is not waited for (exchange_tunnel.cc).
  [[nodiscard]] bool on_displaced_node() const;
  void begin_tunnel();
  [[nodiscard]] bool in_tunnel() const { return tunnelled_ != nullptr; }
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
  [[nodiscard]] Awaited awaited() const;
  [[nodiscard]] Millis time_limit() const;
  void watch();
  void note_acknowledged();
  void look();
  void give_up();

  void on_timeout();
  void arm_for(Millis delay);
  void fail(EndReason reason);
  void reply(EndReason reason);
  void release_upstream(http::Persistence persistence);
  void finish(EndReason reason, Departure departure);
  void write_log(EndReason reason);
  [[nodiscard]] http::ResponseExtras extras_for(const http::ResponseFacts& facts,
                                                std::string_view set_cookie) const;

  Worker& worker_;
  io::Timer timer_;
  ExchangeOrigin origin_;
  std::shared_ptr<PoolRuntime> runtime_;
  http::Head request_head_;
  http::Head response_head_;
  http::RequestFacts facts_;
  session::Visit visit_;
  balancer::Verdict verdict_ = balancer::Verdict::fresh;
  balancer::Node* booked_ = nullptr;     // a place for the session that the response will begin
  balancer::Node* in_use_ = nullptr;     // the node of whose connections this uses one
  balancer::Node* tunnelled_ = nullptr;  // the node that counts this as a tunnel
  std::shared_ptr<balancer::Node> node_;
  std::size_t node_index_ = 0;
  std::vector<std::size_t> tried_;  // nodes that could not be reached
  unsigned own_node_tries_ = 0;
  UpstreamStream* upstream_ = nullptr;
  RequestState request_ = RequestState::done;
  ResponseState response_ = ResponseState::done;
  AttemptState attempt_ = AttemptState::none;
  http::Persistence upstream_persistence_ = http::Persistence::close;
  http::Persistence downstream_persistence_ = http::Persistence::close;
  http::BodyKind response_framing_ = http::BodyKind::none;
  EndReason ending_ = EndReason::completed;
  std::optional<http::Refusal> refusal_;  // of the body
  // Of the next attempt: a request that is sent again must not meet another dead connection.
  Freshness freshness_ = Freshness::any;
  std::optional<KeptBody> kept_body_;
  Flow to_client_ = Flow::open;  // of the answer, when last looked at
  unsigned interim_heads_ = 0;
  int status_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  Instant moved_at_;  // when anything did last, or began to be waited for
  struct Unacknowledged {
    std::size_t client = 0;
    std::size_t node = 0;
  };
  std::optional<Unacknowledged> unacknowledged_;  // at the last look, if nothing was sent since
  Instant started_;
};

}  // namespace bonedry::proxy
