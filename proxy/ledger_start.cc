#include "proxy/ledger_start.h"

#include "admin/state_store.h"

#include <spdlog/spdlog.h>

namespace bonedry::proxy {

void log_start(const session::MappedLedger::Start& start) {
  using Source = session::MappedLedger::Source;
  if (!start.set_aside.empty()) {
    spdlog::warn("the existing ledger is not used: {}", start.set_aside);
  }
  if (!start.damage.empty()) {
    spdlog::error(
        "ledger: {}; nodes that may have lost sessions stay not dry until those sessions would "
        "have expired",
        start.damage);
  }
  const session::Ledger::Totals totals = start.ledger->totals();
  if (start.source == Source::shared) spdlog::info("ledger: {} sessions, shared", totals.sessions);
  if (start.source == Source::restored) spdlog::info("ledger: {} sessions", totals.sessions);
  if (start.source == Source::resized) {
    spdlog::info("ledger: {} sessions, resized to hold {}", totals.sessions, totals.capacity);
  }
}

void check_age(session::MappedLedger& ledger, const admin::NodeRecords& records,
               const std::optional<session::LastUse>& last_use, const conf::Config& config,
               Instant now) {
  const std::vector<balancer::NodeId> missing =
      admin::nodes_missing_in_ledger(records, ledger.nodes(), config);
  std::vector<balancer::NodeId> later;
  if (last_use) later = admin::changed_after(records, *last_use);
  if (missing.empty() && later.empty()) return;
  if (!missing.empty()) {
    spdlog::error("the ledger does not know {}, which is bleeding according to nodes.json",
                  missing.front().text());
  }
  if (!later.empty()) {
    spdlog::error(
        "the ledger is older than nodes.json: {} left rotation after the last use of the ledger",
        later.front().text());
  }
  spdlog::error(
      "the ledger is treated as incomplete: no node is dry until all sessions that may "
      "be missing would have expired");
  ledger.begin_incomplete(now);
}

}  // namespace bonedry::proxy
