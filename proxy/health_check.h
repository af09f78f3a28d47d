#pragma once

#include "balancer/health_tracker.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/connection_context.h"
#include "proxy/http/head.h"
#include "proxy/http/message.h"
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

/// How many checks may be under way at a time, a descriptor each; the others wait in a line.
struct CheckSlots {
  std::size_t most = 64;
  std::size_t taken = 0;
  std::deque<HealthCheck*> waiting;
};

/// Checks one node, time after time: sends a GET as an exchange would, and judges the status of the
/// response; or only connects, where no path is configured. Owned by the prober; on its loop's
/// thread.
class HealthCheck final : public io::Retirable, private UpstreamOwner, private UpstreamEvents {
 public:
  /// The node's health has changed; `why` ("connection refused", "status 500", …) is empty when the
  /// node came up.
  using OnChange = std::function<void(const balancer::Node&, balancer::Health before,
                                      balancer::Health now, const std::string& why)>;

  /// What is referred to outlives this.
  HealthCheck(ConnectionContext& context, CheckSlots& turns, const OnChange& on_change,
              std::shared_ptr<balancer::Node> node);

  /// Starts, or goes on by another config. At another address the node's health is unknown again.
  void configure(const balancer::NodeView& view, const conf::Pool& pool);
  /// Nothing happens after this, and the node's health is unknown. The memory may go in the next
  /// round of the loop.
  void stop();

 private:
  enum class Turn : std::uint8_t { none, waiting, taken };

  // UpstreamOwner: one connection for each check.
  void on_connect_succeeded() override {}
  [[nodiscard]] ExchangeError on_connect_failed(int error) override;
  [[nodiscard]] Millis idle_time(const UpstreamConnection& /*connection*/) const override {
    return Millis{0};
  }
  void on_idle(UpstreamConnection& /*connection*/) override {}
  void on_busy(UpstreamConnection& /*connection*/) override {}
  void on_closed_by_node(Millis /*idle*/, Instant /*since*/) override {}
  void drop(UpstreamConnection& connection) override;

  // UpstreamEvents: the status decides, so that no body is ever awaited.
  [[nodiscard]] http::Head& response_head() override { return response_head_; }
  [[nodiscard]] std::optional<EndpointPair> client_endpoints() const override { return {}; }
  void on_turn(ConnectionToken /*turn*/) override {}
  void on_connected() override;
  void on_interim_head() override { response_head_.clear(); }
  void on_response_head(const http::ResponseInfo& response) override;
  void on_response_body(const BodySlices& /*body*/, Last /*last*/,
                        std::string_view /*trailers*/) override {}
  [[nodiscard]] bool takes_response_pipes() const override { return false; }
  void on_response_body(io::PipeLease /*body*/, Last /*last*/) override {}
  void on_response_read_end() override {}
  void on_upstream_progress() override {}
  void on_upstream_drained() override {}
  void on_error(const ExchangeError& error) override;

  void begin();
  void send_request();
  /// Whether it is this one's turn; else `begin` will be called when it is.
  [[nodiscard]] bool take_turn();
  void give_turn_back();
  /// Ends this check without a result, and waits for the next one.
  void wait_for_next();
  void end(balancer::CheckResult result, const std::string& why);
  void close();

  ConnectionContext& context_;
  CheckSlots& turns_;
  const OnChange& on_change_;
  std::shared_ptr<balancer::Node> node_;
  conf::Health config_;
  conf::ProxyProtocol proxy_protocol_ = conf::ProxyProtocol::off;
  conf::Address address_;
  std::optional<balancer::HealthTracker> tracker_;  // none: not configured yet
  Turn turn_ = Turn::none;
  std::unique_ptr<UpstreamConnection> connection_;
  http::Head request_head_;
  http::Head response_head_;
  io::Timer next_;
  io::Timer timeout_;
};

}  // namespace bonedry::proxy
