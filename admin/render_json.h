#pragma once

#include "admin/command_result.h"
#include "admin/command_table.h"
#include "admin/event_log.h"
#include "admin/status.h"
#include "admin/wait_result.h"
#include "balancer/node_id.h"
#include "session/session_listing.h"

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Responses for scripts: one JSON object on one line. Field names are an interface: names are
/// added, never renamed. Seconds are numbers with milliseconds after the decimal point; instants
/// are RFC 3339 in UTC; unknown values are null. Bytes that are not UTF-8 become U+FFFD.
namespace bonedry::admin {

[[nodiscard]] std::string render_json(const Status& status);
/// The sessions of `node`.
[[nodiscard]] std::string render_json(const balancer::NodeId& node,
                                      const session::SessionPage& page, Instant now);
/// An explanation of a node.
[[nodiscard]] std::string render_json(const balancer::NodeId& node,
                                      const std::vector<std::string>& explanation);
[[nodiscard]] std::string render_json(const Event& event);
/// {"events":[…]}
[[nodiscard]] std::string render_json(const std::deque<Event>& events);
[[nodiscard]] std::string render_json(const WaitResult& result);
/// {"commands":[…]}
[[nodiscard]] std::string render_json(std::span<const Command> commands);
/// {"ok":true,"message":…}
[[nodiscard]] std::string render_json(const ChangeResult& result);
[[nodiscard]] std::string render_json(const PassResult& pass);
[[nodiscard]] std::string render_json(std::string_view message);
/// {"ok":false,"code":"not_found","message":…}
[[nodiscard]] std::string render_json(const CommandError& error);

/// "dry", "timed_out", "activated", "gone".
[[nodiscard]] const char* to_string(WaitEnd end);

}  // namespace bonedry::admin
