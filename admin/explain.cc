#include "admin/explain.h"

#include "admin/phrases.h"
#include "admin/render_text.h"
#include "proxy/base/duration.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

using balancer::Health;
using balancer::NodeState;

std::string full_name(const NodeStatus& node) {
  return node.pool + "/" + node.name;
}

std::string age_text(Millis age) {
  return format_duration(std::max(age, Millis{0}));
}

/// Health may come from checks, or from connects of requests that failed.
std::string down_text(const NodeStatus& node) {
  const bool by_checks =
      node.last_check && node.last_check->result == balancer::CheckResult::failed;
  if (!by_checks) return "down: connections to it failed";
  return "down" + (node.health_age ? " for " + age_text(*node.health_age) : "") + ": " +
         to_text(*node.last_check);
}

bool is_full(const NodeStatus& node) {
  return node.max_sessions > 0 &&
         node.live + node.pending >= static_cast<std::int64_t>(node.max_sessions);
}

std::string full_text(const NodeStatus& node) {
  return "full (" + std::to_string(node.live + node.pending) + " of " +
         std::to_string(node.max_sessions) + " sessions)";
}

std::string long_bleed_text(const NodeStatus& node) {
  return full_name(node) + ": bleeding for " + age_text(*node.bleeding->long_for) +
         who(node.bleeding->by, node.bleeding->reason) + "; was it forgotten?";
}

std::string users_text(const NodeStatus& node) {
  return std::to_string(node.live) + " live and " + std::to_string(node.pending) +
         " pending sessions, " + counted(node.exchanges_open, "open exchange");
}

/// "since 3m by root (update 4.2)"
std::string since_text(const NodeStatus& node, WallTime wall) {
  if (!node.bleeding) return "";
  return " for " + age_text(wall - node.bleeding->since) +
         who(node.bleeding->by, node.bleeding->reason);
}

std::string state_line(const NodeStatus& node, WallTime wall) {
  const std::string name = full_name(node);
  if (node.removed) {
    return name + " is no longer in the config. It bleeds until its users are gone.";
  }
  if (node.state == NodeState::maintenance) {
    return name + " is in maintenance" + since_text(node, wall) + ": only a pass reaches it.";
  }
  if (node.state == NodeState::bleeding) {
    return name + " is bleeding" + since_text(node, wall) +
           ": its users stay, new ones go elsewhere.";
  }
  const std::string closed = why_closed(node);
  return closed.empty() ? name + " is active and takes new users."
                        : name + " is active, but takes no new users: " + closed + ".";
}

std::string session_line(const session::SessionInfo& info, Instant now) {
  return "  session " + short_id(info.key) + ": began " + age_text(now - info.created) +
         " ago, last click " + age_text(now - info.last) + " ago, " +
         counted(static_cast<std::int64_t>(info.exchanges), "exchange") +
         (info.tunnels_open > 0 ? ", a WebSocket is open" : "");
}

void explain_users(const NodeStatus& node, const session::SessionPage& oldest, Instant now,
                   std::vector<std::string>& lines) {
  lines.push_back("It has " + users_text(node) + ".");
  if (oldest.rows.empty()) return;
  lines.emplace_back("The oldest sessions:");
  for (const session::SessionInfo& info : oldest.rows) lines.push_back(session_line(info, now));
}

void explain_dryness(const NodeStatus& node, std::vector<std::string>& lines) {
  if (!node.dry_blocked_by.empty()) {
    lines.push_back("It is not dry: " + joined(node.dry_blocked_by, "; ") + ".");
  }
  if (node.live == 0 && node.pending > 0) {
    lines.emplace_back(
        "All that is left are clients that never sent their cookie back, such as crawlers and "
        "monitors. They count for idle_timeout.");
  }
  if (!node.bleeding) return;
  if (node.bleeding->forecast)
    lines.push_back("Forecast: " + to_text(*node.bleeding->forecast) + ".");
  if (!node.bleeding->no_forecast.empty()) {
    lines.push_back("There is no forecast: " + node.bleeding->no_forecast + ".");
  }
}

std::string advice(const NodeStatus& node) {
  const std::string name = full_name(node);
  if (node.removed) return "";
  if (node.state == NodeState::maintenance) {
    return "'bonedryctl activate " + name + "' puts it back into rotation.";
  }
  if (node.state == NodeState::active) return "";
  if (node.dry) {
    return "It is dry: it may be stopped. 'bonedryctl maintain " + name +
           "' takes it out of rotation, 'bonedryctl activate " + name + "' puts it back.";
  }
  if (node.bleeding && node.bleeding->deadline) return "";
  return "'bonedryctl bleed " + name +
         " --deadline 10m' would move the users who are still there then.";
}

}  // namespace

std::string why_closed(const NodeStatus& node) {
  if (node.state == NodeState::maintenance) return "in maintenance";
  if (node.state == NodeState::bleeding) return node.dry ? "dry" : "bleeding";
  if (node.health == Health::down) return down_text(node);
  return is_full(node) ? full_text(node) : "";
}

std::vector<std::string> out_of_rotation(const Status& status, WallTime wall) {
  std::vector<std::string> lines;
  for (const PoolStatus& pool : status.pools) {
    for (const NodeStatus& node : pool.nodes) {
      if (node.state == NodeState::active) continue;
      lines.push_back(full_name(node) + (node.dry ? " dry, " : " ") + to_string(node.state) +
                      since_text(node, wall));
    }
  }
  return lines;
}

std::vector<std::string> problems(const PoolStatus& pool) {
  std::vector<std::string> closed;
  std::vector<std::string> lines;
  std::vector<std::string> forgotten;
  std::size_t nodes = 0;
  for (const NodeStatus& node : pool.nodes) {
    if (node.removed) continue;
    ++nodes;
    const std::string why = why_closed(node);
    if (node.bleeding && node.bleeding->long_for) forgotten.push_back(long_bleed_text(node));
    if (!why.empty()) closed.push_back(node.name + " " + why);
    if (node.exchanges_waiting > 0) {
      lines.push_back(full_name(node) + ": all its " + std::to_string(node.max_connections) +
                      " connections are in use, " +
                      counted(static_cast<std::int64_t>(node.exchanges_waiting), "request") +
                      " waiting");
    }
    if (node.health == Health::down) lines.push_back(full_name(node) + ": " + down_text(node));
    if (node.state == NodeState::active && is_full(node)) {
      lines.push_back(full_name(node) + ": " + full_text(node));
    }
  }
  if (closed.size() == nodes) {
    lines = {"pool " + pool.name + ": no node takes new users: " + joined(closed)};
  }
  lines.insert(lines.end(), forgotten.begin(), forgotten.end());
  return lines;
}

std::string problem(const AccessLogStatus& log) {
  if (log.lines_lost == 0) return "";
  return "access log: " + counted(static_cast<std::int64_t>(log.lines_lost), "line") +
         " lost, the last " + age_text(log.lost_age.value_or(Millis{0})) +
         " ago: " + (log.last_error.empty() ? "its disk or reader is too slow" : log.last_error);
}

std::vector<std::string> explain(const NodeStatus& node, const session::SessionPage& oldest,
                                 WallTime wall, Instant now) {
  std::vector<std::string> lines{state_line(node, wall)};
  if (node.last_check) {
    lines.push_back("Last health check: " + to_text(*node.last_check) + ", " +
                    age_text(node.last_check->age) + " ago, took " +
                    format_duration(node.last_check->took) + ".");
  } else {
    lines.emplace_back("It has no health checks, or the first one has not ended.");
  }
  explain_users(node, oldest, now, lines);
  explain_dryness(node, lines);
  const std::string can_do = advice(node);
  if (!can_do.empty()) lines.push_back(can_do);
  return lines;
}

}  // namespace bonedry::admin
