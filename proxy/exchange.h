#pragma once

#include "balancer/routing.h"
#include "proxy/end_reason.h"
#include "proxy/exchange_state.h"
#include "proxy/io/timer_wheel.h"
#include "proxy/pool_runtime.h"
#include "proxy/stream.h"
#include "session/affinity.h"

#include <cstddef>
#include <cstdint>
#include <memory>
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
  void on_bad_body() override;
  void on_progress() override { ++progress_; }
  void on_downstream_drained() override;
  void on_downstream_lost() override;
  /// Everything is sent and done; set before the downstream connection is told.
  [[nodiscard]] bool over() const { return response_ == ResponseState::done; }
  /// Makes it as new, but keeps the memory of its heads.
  void reset();

  // -- for the node's side --------------------------------------------------------------------
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] http::AskedBy asked_by() const override;
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

 private:
  // Choosing a node (exchange_route.cc).
  void arrive();
  void choose();
  void choose_other(balancer::Verdict verdict);
  void attempt(std::size_t node, Freshness freshness);
  [[nodiscard]] bool settle_rescue();
  void follow_topology();
  void leave_node();
  [[nodiscard]] bool ask_own_node_again(int error);
  void release_place();

  void set(RequestState state);
  void set(ResponseState state);
  void set(AttemptState state);

  void begin_session();
  void request_complete(std::string_view trailers);
  void request_sent();
  [[nodiscard]] bool may_send_again() const;
  void drop_request();
  void response_complete(std::string_view trailers);
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
  balancer::Node* booked_ = nullptr;  // a place for the session that the response will begin
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
  enum class Resent : std::uint8_t { no, yes } resent_ = Resent::no;
  unsigned interim_heads_ = 0;
  int status_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t progress_ = 0;       // counts everything that moves
  std::uint64_t progress_seen_ = 0;  // what it was when the stall timer was armed
  Instant started_;
};

}  // namespace bonedry::proxy
