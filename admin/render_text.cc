#include "admin/render_text.h"

#include "admin/config_plan.h"
#include "admin/explain.h"
#include "admin/group_status.h"
#include "admin/phrases.h"
#include "admin/printable.h"
#include "admin/remaining_users.h"
#include "admin/render_cluster.h"
#include "admin/text_table.h"
#include "proxy/base/duration.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace bonedry::admin {
namespace {

using Align = TextTable::Align;

std::string full_name(const NodeStatus& node) {
  return node.pool + "/" + node.name;
}

const char* in_order_of(session::SessionOrder order) {
  switch (order) {
    case session::SessionOrder::idle:
      return "longest idle first";
    case session::SessionOrder::age:
      return "oldest first";
    case session::SessionOrder::exchanges:
      return "most exchanges first";
  }
  return "";
}

std::string ago_or_dash(const std::optional<Millis>& age) {
  return age ? format_duration(std::max(*age, Millis{0})) : "-";
}

/// Only a node that was asked to bleed can be dry or not.
std::string dry_word(const NodeStatus& node) {
  if (node.dry) return "dry";
  return node.state == balancer::NodeState::active ? "-" : "no";
}

std::string address_of(const NodeStatus& node) {
  return node.removed ? node.address + " (removed)" : node.address;
}

void add_node(TextTable& table, const NodeStatus& node) {
  table.add({full_name(node), address_of(node), to_string(node.state), to_string(node.health),
             std::to_string(node.live), std::to_string(node.pending),
             std::to_string(node.exchanges_open), std::to_string(node.websockets_open),
             std::to_string(node.begun), std::to_string(node.moved), std::to_string(node.rescued),
             std::to_string(node.late), std::to_string(node.logged_out),
             ago_or_dash(node.last_exchange_age), dry_word(node)});
}

std::string deadline_text(WallTime deadline, WallTime now) {
  if (deadline <= now) return ", deadline passed " + format_duration(now - deadline) + " ago";
  return ", deadline in " + format_duration(deadline - now);
}

std::string last_pending(Millis ends_in) {
  return "the last pending session ends within " + format_duration(std::max(ends_in, Millis{0}));
}

/// "shop/alice: bleeding for 3m20s by root (update 4.2), deadline in 26m, dry in about 14m
/// (9m to 26m)".
std::string bleed_line(const NodeStatus& node, const BleedStatus& bleed, WallTime now) {
  std::string line = full_name(node) + ": " + to_string(node.state) + " for " +
                     format_duration(std::max(now - bleed.since, Millis{0}));
  if (!bleed.by.empty()) line += " by " + bleed.by;
  if (!bleed.reason.empty()) line += " (" + bleed.reason + ")";
  if (is_of_earlier_config(bleed.reason)) {
    line += "; 'bonedryctl activate " + full_name(node) + "' ends it";
  }
  if (node.dry) return line + ", dry";
  if (bleed.deadline) line += deadline_text(*bleed.deadline, now);
  if (bleed.forecast) line += ", " + to_text(*bleed.forecast);
  if (!node.dry_blocked_by.empty()) line += "\n  not dry: " + joined(node.dry_blocked_by, "; ");
  if (bleed.pending_ends_in) line += "\n  " + last_pending(*bleed.pending_ends_in);
  if (!bleed.no_forecast.empty()) line += "\n  no forecast: " + bleed.no_forecast;
  return line;
}

/// "shop/alice: 3 requests with a pass in the last 15m, the last 20s ago, 1 open"; or nothing.
std::string pass_line(const NodeStatus& node) {
  const PassStatus& passes = node.passes;
  if (passes.used_lately == 0 && passes.open == 0) return "";
  std::string line = full_name(node) + ": " +
                     counted(static_cast<std::int64_t>(passes.used_lately), "request") +
                     " with a pass in the last " + format_duration(balancer::PassUse::kLately);
  if (passes.last_used_age) {
    line += ", the last " + format_duration(*passes.last_used_age) + " ago";
  }
  if (passes.open > 0) line += ", " + std::to_string(passes.open) + " open";
  return printable(line) + "\n";
}

/// Like printable, for text that has our own line breaks.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out += printable(text.substr(0, end)) + "\n";
    text.remove_prefix(end + 1);
  }
  return out + printable(text) + "\n";
}

/// What makes the pool lose track of its users; empty: nothing.
std::string cookie_lines(const PoolStatus& pool) {
  std::string lines;
  if (pool.foreign_cookies > 0) {
    lines +=
        printable("pool " + pool.name + ": requests came with the session cookie of another pool " +
                  std::to_string(pool.foreign_cookies) + " times") +
        "\n";
  }
  if (pool.cookie_clashes > 0) {
    lines += printable("pool " + pool.name +
                       ": a cookie of the same name overwrote the session cookie " +
                       std::to_string(pool.cookie_clashes) + " times") +
             "\n";
  }
  return lines;
}

/// "pool shop: group blue bleeds (12 live, 3 pending), group green is active"; empty: no groups.
std::string group_line(const PoolStatus& pool) {
  std::vector<std::string> parts;
  for (const GroupStatus& group : groups_of(pool)) parts.push_back(to_text(group));
  return parts.empty() ? "" : printable("pool " + pool.name + ": " + joined(parts)) + "\n";
}

std::string ledger_line(const Status& status) {
  std::string line = "ledger: " + std::to_string(status.sessions) + " of at most " +
                     std::to_string(status.capacity) + " sessions";
  if (status.evicted > 0) line += ", " + std::to_string(status.evicted) + " evicted";
  if (status.refused > 0) {
    line += ", the disk had no space for more " +
            counted(static_cast<std::int64_t>(status.refused), "time");
  }
  if (!status.complete) {
    line += ", incomplete";
    if (status.complete_in) line += " for another " + format_duration(*status.complete_in);
  }
  return line + "\n";
}

/// "traffic: 812 requests/s, 64 client connections; since the start 1234 requests completed, 2
/// ended by clients, 1 by nodes, 3 by bonedry"
std::string traffic_line(const Status& status) {
  std::map<std::string_view, std::uint64_t> by_side;
  for (const auto& ending : status.traffic.exchanges.endings) by_side[ending.side] += ending.count;
  std::string line = "traffic: ";
  if (const auto& rate = status.process.requests_per_second) {
    line += fmt::format("{:.{}f} requests/s, ", *rate, *rate < 10 ? 1 : 0);
  }
  line += counted(static_cast<std::int64_t>(status.traffic.connections), "client connection") +
          "; since the start " + counted(static_cast<std::int64_t>(by_side[""]), "request") +
          " completed";
  std::vector<std::string> others;
  for (const std::string_view side : {"client", "node"}) {
    if (by_side[side] > 0) {
      others.push_back(std::to_string(by_side[side]) + " by " + std::string(side) + "s");
    }
  }
  if (by_side["bonedry"] > 0) others.push_back(std::to_string(by_side["bonedry"]) + " by bonedry");
  return line + (others.empty() ? "" : ", ended early: " + joined(others)) + "\n";
}

/// "bonedry 0.1.0: process 4711, up for 3d, config loaded 2h ago; process 4600 is finishing …"
std::string process_line(const Status& status) {
  const ProcessStatus& process = status.process;
  std::string line = "bonedry " BONEDRY_VERSION ": process " + std::to_string(process.pid) +
                     ", up for " + format_duration(process.uptime) + ", config loaded " +
                     format_duration(process.config_age) + " ago";
  if (status.traffic.previous_process != 0) {
    line += "; process " + std::to_string(status.traffic.previous_process) +
            " is finishing what it has open";
  }
  return line + "\n";
}

std::string expiry_text(const CertificateStatus& certificate) {
  const std::string at = rfc3339(certificate.not_after, Precision::seconds);
  if (certificate.left < Millis{0}) return "expired at " + at;
  return "expires in " + format_duration(certificate.left) + ", at " + at;
}

/// The listener, its certificates, and why it has no newer ones.
std::string listener_lines(const ListenerStatus& listener, WallTime now) {
  const std::string use =
      listener.redirect.empty() ? "pool " + listener.pool : "redirects to " + listener.redirect;
  std::string lines = printable("listener " + listener.address + ": " + use) + "\n";
  if (!listener.tls) return lines;
  for (const CertificateStatus& one : listener.tls->certificates) {
    const std::string what = first_few(one.names) + " (" + one.key_type + "): ";
    lines += "  " + printable(what + expiry_text(one)) + "\n";
  }
  const auto& error = listener.tls->error;
  if (!error) return lines;
  const std::string age = format_duration(std::max(now - error->since, Millis{0}));
  return lines + "  " + printable("new files not used for " + age + ": " + error->text) + "\n";
}

/// "; showing 1 to 100, longest idle first; next page: --page 2".
std::string paging_hint(const session::SessionPage& page) {
  const session::SessionQuery& query = page.query;
  if (page.rows.size() == page.total) return "";
  if (page.rows.empty()) return "; none on this page";
  const std::size_t last = query.offset + page.rows.size();
  std::string text = "; showing " + std::to_string(query.offset + 1) + " to " +
                     std::to_string(last) + ", " + in_order_of(query.order);
  if (last < page.total) text += "; next page: --page " + std::to_string(last / query.limit + 1);
  return text;
}

/// Dashes for one that is not known; nothing if none are remembered.
session::LastRequest last_request_of(const session::SessionPage& page, std::size_t row) {
  if (page.last_requests.empty()) return {};
  return page.last_requests[row].value_or(session::LastRequest{"-", "-"});
}

/// What was not reached within the time-out, and why.
std::string missing(const WaitResult& result) {
  if (result.awaited == Awaited::healthy) {
    return result.node.text() + " is not healthy" +
           (result.last_check.empty() ? "" : ": " + result.last_check);
  }
  const RemainingUsers left{result.live, result.pending, result.exchanges_open};
  return why_not_dry(result.node.text(), left, joined(result.dry_blocked_by, "; ")) +
         (result.forecast ? "; " + to_text(*result.forecast) : "");
}

}  // namespace

std::string render_text(const Status& status, WallTime now, std::size_t width) {
  TextTable table({{"NODE"},
                   {"ADDRESS", Align::left, 3},
                   {"STATE"},
                   {"HEALTH"},
                   {"LIVE", Align::right},
                   {"PENDING", Align::right},
                   {"OPEN", Align::right},
                   {"WS", Align::right, 2},
                   {"NEW", Align::right, 4},
                   {"MOVED", Align::right, 5},
                   {"RESCUED", Align::right, 6},
                   {"LATE", Align::right, 7},
                   {"LOGOUTS", Align::right, 8},
                   {"LAST CLICK", Align::right, 1},
                   {"DRY"}});
  std::string remarks;
  for (const PoolStatus& pool : status.pools) {
    remarks += group_line(pool) + cookie_lines(pool);
    for (const NodeStatus& node : pool.nodes) {
      add_node(table, node);
      if (node.bleeding) remarks += printable_lines(bleed_line(node, *node.bleeding, now));
      remarks += pass_line(node);
    }
  }
  std::string text;
  for (const PoolStatus& pool : status.pools) text += render_text(problems(pool));
  const std::string of_log = problem(status.traffic.access_log);
  if (!of_log.empty()) text += printable(of_log) + "\n";
  if (!text.empty()) text += "\n";
  text += table.str(width);
  if (!remarks.empty()) text += "\n" + remarks;
  text += "\n";
  for (const ListenerStatus& listener : status.listeners) {
    text += listener_lines(listener, now);
  }
  if (status.cluster) text += cluster_lines(*status.cluster, now);
  return text + traffic_line(status) + ledger_line(status) + process_line(status);
}

std::string render_text(const balancer::NodeId& node, const session::SessionPage& page,
                        Instant now) {
  TextTable table({{"SESSION"},
                   {"STATE"},
                   {"AGE", Align::right},
                   {"IDLE", Align::right},
                   {"EXCHANGES", Align::right},
                   {"OPEN", Align::right},
                   {"WS", Align::right},
                   {page.last_requests.empty() ? "" : "CLIENT"},
                   {page.last_requests.empty() ? "" : "LAST PATH"}});
  for (std::size_t row = 0; row < page.rows.size(); ++row) {
    const session::SessionInfo& info = page.rows[row];
    const session::LastRequest last = last_request_of(page, row);
    table.add({short_id(info.key), session::to_string(info.state), ago_or_dash(now - info.created),
               ago_or_dash(now - info.last), std::to_string(info.exchanges),
               std::to_string(info.exchanges_open), std::to_string(info.tunnels_open), last.client,
               last.path});
  }
  std::string text = page.rows.empty() ? "" : table.str() + "\n";
  text += printable(node.text()) + ": " + std::to_string(page.total - page.pending) + " live and " +
          std::to_string(page.pending) + " pending sessions" + paging_hint(page) + "\n";
  if (page.pending_until && *page.pending_until != session::kNeverEnds) {
    text += last_pending(*page.pending_until - now) + "\n";
  }
  return text;
}

std::string render_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += printable(line) + "\n";
  return text;
}

std::string render_text(const Event& event) {
  std::string line = rfc3339(event.at, Precision::millis) + "  " + event.kind;
  if (!event.node.empty()) line += " " + event.node;
  return printable(line + ": " + event.text) + "\n";
}

std::string render_text(const WaitResult& result) {
  switch (result.end) {
    case WaitEnd::dry:
      return printable("dry: no users left on " + result.node.text()) + "\n";
    case WaitEnd::healthy:
      return printable(result.node.text() + " is healthy: " + result.last_check) + "\n";
    case WaitEnd::unchecked:
      return printable(result.node.text() + " has no health checks: nothing to wait for") + "\n";
    case WaitEnd::timed_out:
      return error_line("timed out after " + format_duration(result.timeout.value_or(Millis{0})) +
                        ": " + missing(result));
    case WaitEnd::activated:
      return error_line(result.node.text() + " is active: it will not become dry");
    case WaitEnd::gone:
      return error_line(result.node.text() + " is no longer in the config: it will not become " +
                        (result.awaited == Awaited::dry ? "dry" : "healthy"));
  }
  return "";
}

std::string render_text(const ChangeResult& result) {
  return printable(to_text(result)) + "\n";
}

std::string render_text(const PassResult& pass, PassForm form) {
  if (form == PassForm::header) return pass.header() + "\n";
  return "?" + pass.query() + "\n" +
         printable("appended to a URL, it takes a browser to " + pass.node.text() + " for " +
                   format_duration(pass.ttl) + "; ?bonedry-pass=off ends that") +
         "\n";
}

std::string render_text(const CommandError& error) {
  return error_line(error.text);
}

std::string short_id(const session::SessionKey& key) {
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(key.high >> 32U));
  return digits.data();
}

}  // namespace bonedry::admin
