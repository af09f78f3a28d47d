#pragma once

#include "balancer/topology.h"
#include "proxy/base/block.h"
#include "proxy/connection_context.h"
#include "proxy/health_check.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/pipe.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string>

// Its header includes those of OpenSSL.
namespace bonedry::tls {
class LoopTls;
}  // namespace bonedry::tls

namespace bonedry::proxy {

/// Checks the health of every node whose pool asks for it. One prober per process, on the main
/// loop.
class HealthProber {
 public:
  HealthProber(io::EventLoop& loop, HealthCheck::OnChange on_change);
  ~HealthProber();
  HealthProber(const HealthProber&) = delete;
  HealthProber& operator=(const HealthProber&) = delete;

  /// How many checks may run at a time, a descriptor each; the others wait in a queue.
  void set_limits(std::size_t max) { slots_.max = max; }
  /// Starts, changes and stops checks; the measured health of nodes that stay is kept.
  void adopt(const balancer::Topology& topology);
  /// The checks of a node ("shop/alice"); null if it has none.
  [[nodiscard]] const balancer::CheckHistory* history(const std::string& node) const;

 private:
  HealthCheck::OnChange on_change_;
  BlockPool blocks_;
  Http2Shared http2_;
  io::PipePool pipes_{0};
  ConnectionContext context_;
  std::unique_ptr<tls::LoopTls> tls_;
  CheckSlots slots_;
  std::map<std::string, std::unique_ptr<HealthCheck>> checks_;
};

}  // namespace bonedry::proxy
