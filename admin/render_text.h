#pragma once

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/wait_result.h"

#include <string>
#include <string_view>

/// Answers for people: whole lines of plain text, no colour, no control character of any input.
namespace bonedry::admin {

/// A table of the nodes; below it what there is to say of each that is bleeding.
[[nodiscard]] std::string render_text(const Status& status, WallTime now);

/// The sessions of `node`: a table, how many there are, and where the rest is.
[[nodiscard]] std::string render_text(const balancer::NodeId& node,
                                      const session::SessionPage& page, Instant now);

/// One line.
[[nodiscard]] std::string render_text(const Event& event);

/// One line; "dry …", or an error that says what ended the wait.
[[nodiscard]] std::string render_text(const WaitResult& result);

/// The first eight hex digits of a session's key: enough to tell sessions apart, too few to be one.
[[nodiscard]] std::string short_id(const session::SessionKey& key);

}  // namespace bonedry::admin
