#pragma once

#include "balancer/topology.h"
#include "proxy/io/event_loop.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace bonedry::proxy {

/// Checks the health of every node whose pool asks for it: a GET of the configured path, or a
/// connect where there is no path. One prober per process, on the main loop.
class HealthProber {
 public:
  /// `why`: "connection refused", "status 500", … or "" when the node came up.
  using OnChange = std::function<void(const balancer::Node&, balancer::Health before,
                                      balancer::Health now, const std::string& why)>;

  HealthProber(io::EventLoop& loop, OnChange on_change);
  /// Checks that may be under way at a time, a descriptor each; the others take their turn.
  void set_most(std::size_t most) { turns_.most = most; }
  ~HealthProber();

  /// Starts, changes and stops checks; what was measured of nodes that stay is kept.
  void adopt(const balancer::Topology& topology);

 private:
  class Probe;
  /// Who may check now; the others wait in a line.
  struct Turns {
    std::size_t most = 64;
    std::size_t taken = 0;
    std::deque<Probe*> waiting;
  };

  io::EventLoop& loop_;
  OnChange on_change_;
  Turns turns_;
  std::map<std::string, std::unique_ptr<Probe>> probes_;
};

}  // namespace bonedry::proxy
