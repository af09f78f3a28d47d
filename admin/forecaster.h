#pragma once

#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"
#include "session/survey.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// Looks at the sessions of the nodes that are out of rotation, a little each tick, and keeps what
/// it saw last, so that `status` need not look. With nobody on such a node it does nothing. Main
/// thread only.
class Forecaster {
 public:
  /// What was seen of one node.
  struct Outlook {
    /// When the last pending session has ended at the latest; kNoEnd: an exchange holds it.
    std::optional<Instant> pending_until;
  };

  Forecaster(const Clock& clock, const session::Ledger& ledger) : clock_(clock), ledger_(ledger) {}

  /// Goes on looking. Call every 100 ms.
  void tick(const balancer::Topology& topology);

  /// Null when the node was not looked at yet, or nobody is on it.
  [[nodiscard]] const Outlook* of(const std::string& key) const;

 private:
  void begin(const balancer::Topology& topology);
  void conclude();
  [[nodiscard]] bool due(const std::vector<std::string>& wanted) const;

  const Clock& clock_;
  const session::Ledger& ledger_;
  std::map<std::string, Outlook> outlooks_;
  std::optional<session::Survey> survey_;
  std::map<std::string, std::size_t> surveyed_;  // the nodes' groups in it
  Instant next_survey_;
};

}  // namespace bonedry::admin
