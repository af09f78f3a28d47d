#pragma once

#include "balancer/check_history.h"
#include "balancer/health_tracker.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/connection_context.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
#include "proxy/http2_upstream_connection.h"
#include "proxy/node_transport.h"
#include "proxy/stream.h"
#include "proxy/upstream_connection.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {

class HealthCheck;

/// Limits how many checks run at a time, a descriptor each; the others wait in a queue.
struct CheckSlots {
  std::size_t max = 64;
  std::size_t taken = 0;
  std::deque<HealthCheck*> waiting;
};

/// Checks one node periodically, in the protocol of its pool: sends a GET as an exchange would, and
/// evaluates the status of the response; or asks as gRPC does; or only connects, if neither is
/// configured. Owned by the prober; on its loop's thread.
class HealthCheck final : public io::Retirable,
                          private UpstreamOwner,
                          private Http2UpstreamOwner,
                          private UpstreamEvents {
 public:
  /// The node's health has changed; `why` ("connection refused", "status 500", …) is empty when the
  /// node came up.
  using OnChange = std::function<void(const balancer::Node&, balancer::Health before,
                                      balancer::Health now, const std::string& why)>;

  /// All references must outlive this.
  HealthCheck(ConnectionContext& context, CheckSlots& turns, const OnChange& on_change,
              std::shared_ptr<balancer::Node> node);

  /// Starts the checks, or continues them with another config. If the address has changed, the
  /// node's health becomes unknown. `tls`: null for plain connections.
  void configure(const balancer::NodeView& view, const conf::Pool& pool,
                 const std::shared_ptr<const tls::ClientContext>& tls);
  /// Stops the checks and makes the node's health unknown. May be destroyed from the next event
  /// loop iteration on.
  void stop();

  [[nodiscard]] const balancer::CheckHistory& history() const { return history_; }

 private:
  enum class SlotState : std::uint8_t { none, waiting, taken };

  // UpstreamOwner: one connection for each check.
  void on_connect_succeeded() override {}
  [[nodiscard]] ExchangeError on_connect_failed(int error, const std::string& why) override;
  void on_tls_failed(const std::string& why) override { why_not_connected_ = why; }
  [[nodiscard]] Millis max_idle_time(const UpstreamConnection& /*connection*/) const override {
    return Millis{0};
  }
  void on_idle(UpstreamConnection& /*connection*/) override {}
  void on_busy(UpstreamConnection& /*connection*/) override {}
  void on_closed_by_node(Millis /*idle*/, Instant /*since*/) override {}
  void drop(UpstreamConnection& connection) override;

  // Http2UpstreamOwner: the same.
  [[nodiscard]] Millis max_idle_time(const Http2UpstreamConnection& /*connection*/) const override {
    return Millis{0};
  }
  void on_room_changed(Http2UpstreamConnection& /*connection*/) override {}
  void remove(Http2UpstreamConnection& connection) override;

  // UpstreamEvents: only the status matters, so a body is never awaited but for gRPC.
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override { return {}; }
  [[nodiscard]] const io::TlsInfo* client_tls() const override { return nullptr; }
  void on_turn(ConnectionToken /*turn*/) override {}
  void on_connected() override;
  void on_interim_head() override;
  void on_response_head(const http::ResponseInfo& response) override;
  void on_response_body(const BodySlices& body, Last last, std::string_view trailers) override;
  [[nodiscard]] bool takes_response_pipes() const override { return false; }
  void on_response_body(io::PipeLease /*body*/, Last /*last*/) override {}
  void on_response_read_end() override {}
  void on_upstream_progress() override {}
  void on_upstream_drained() override {}
  void on_error(const ExchangeError& error) override;

  void begin();
  [[nodiscard]] UpstreamStream& connect(UniqueFd socket);
  [[nodiscard]] bool only_connects() const { return config_.path.empty() && !config_.grpc; }
  /// For the operator.
  [[nodiscard]] std::string request_text() const;
  /// False if the configured path cannot be requested.
  [[nodiscard]] bool queue_request();
  void send_body(const std::string& body);
  /// Takes a slot. If none is free, returns false, and `begin` is called again when one is.
  [[nodiscard]] bool take_slot();
  void release_slot();
  /// Ends this check without a result, and schedules the next one.
  void wait_for_next();
  /// `found`: what decided the result, for the operator.
  void end(balancer::CheckResult result, const std::string& found);
  void close();

  // Many: the config of the checks, and one check in progress.
  ConnectionContext& context_;
  CheckSlots& slots_;
  const OnChange& on_change_;
  std::shared_ptr<balancer::Node> node_;
  conf::Health config_;
  conf::NodeProtocol protocol_ = conf::NodeProtocol::h1;
  conf::ProxyProtocol proxy_protocol_ = conf::ProxyProtocol::off;
  conf::Address address_;
  std::shared_ptr<const tls::ClientContext> tls_context_;  // that the next is made with
  std::shared_ptr<const tls::ClientTarget> tls_;           // null: plain
  std::optional<balancer::HealthTracker> tracker_;         // nullopt: not configured yet
  balancer::CheckHistory history_;
  Instant began_;  // the check in progress
  SlotState slot_state_ = SlotState::none;
  std::unique_ptr<UpstreamConnection> connection_;
  std::unique_ptr<Http2UpstreamConnection> http2_connection_;
  UpstreamStream* stream_ = nullptr;  // on one of the two
  http::Head request_head_;
  http::Head response_head_;
  std::string body_;            // the beginning of the response's, of gRPC
  unsigned interim_heads_ = 0;  // of this check
  std::string why_not_connected_;
  io::Timer next_;
  io::Timer timeout_;
};

}  // namespace bonedry::proxy
