#pragma once

#include "admin/status.h"
#include "session/session_page.h"

#include <string>
#include <vector>

/// What operators ask in words: what is wrong, and why a node does what it does. Pure functions.
namespace bonedry::admin {

/// Why a node takes no new users: "down for 3m: connect: connection refused", "full (2 of 2
/// sessions)", "bleeding"; empty: it takes them.
[[nodiscard]] std::string why_closed(const NodeStatus& node);

/// What is wrong with a pool, one line each, the worst first: "pool shop: no node takes new users:
/// alice full (2 of 2 sessions), bob bleeding". Empty: nothing. That an operator has taken nodes
/// out is not wrong as long as others take new users.
[[nodiscard]] std::vector<std::string> problems(const PoolStatus& pool);

/// The nodes that are not active, for a start that finds them so: "shop/alice bleeding for 2h by
/// root, reason: update 4.2"; empty: there is none.
[[nodiscard]] std::vector<std::string> out_of_rotation(const Status& status, WallTime wall);

/// What is wrong with the access log: "access log: 12 lines lost, the last 3s ago: No space left on
/// device"; empty: nothing.
[[nodiscard]] std::string problem(const AccessLogStatus& log);

/// What a node is doing, what keeps it from being dry, who is left, and what can be done, one
/// sentence or two in each line. `oldest`: its oldest sessions.
[[nodiscard]] std::vector<std::string> explain(const NodeStatus& node,
                                               const session::SessionPage& oldest, WallTime wall,
                                               Instant now);

}  // namespace bonedry::admin
