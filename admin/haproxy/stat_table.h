#pragma once

#include "admin/status.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bonedry::admin::haproxy {

/// Which rows `show stat IID TYPE SID` asks for; empty: all.
struct StatFilter {
  std::optional<std::int64_t> proxy = std::nullopt;   ///< the proxy's number, see `stat_table`
  std::optional<std::uint64_t> types = std::nullopt;  ///< bits: 1 frontends, 2 backends, 4 servers
  std::optional<std::int64_t> server =
      std::nullopt;  ///< the server's number in its pool; 0: its other rows
};

/// What `show stat` answers: CSV with HAProxy 3.0's columns in HAProxy's order, then our own, and a
/// comma after the last one. Listeners are frontends, numbered from 1; pools are backends, numbered
/// on from there; nodes are servers, numbered from 1 in each pool. A column is empty where we have
/// no figure. `now`: for ages.
[[nodiscard]] std::string stat_table(const Status& status, WallTime now, const StatFilter& filter);

/// The number of sessions that HAProxy's tools see. For an active node: open exchanges. For others:
/// users, and never 0 before the node is dry, since tools take 0 for the leave to stop the server.
[[nodiscard]] std::int64_t current_sessions(const NodeStatus& node);

/// "UP", "DOWN", "DRAIN", "MAINT", "no check", or "DOWN 1/2" before the first check has ended. A
/// node that bleeds is in DRAIN whatever its health, so that a tool that waits for it is not held
/// up.
[[nodiscard]] std::string server_status(const PoolStatus& pool, const NodeStatus& node);

}  // namespace bonedry::admin::haproxy
