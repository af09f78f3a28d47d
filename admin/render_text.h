#pragma once

#include "admin/command_result.h"
#include "admin/event_log.h"
#include "admin/status.h"
#include "admin/wait_result.h"
#include "balancer/node_id.h"
#include "session/session_listing.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Responses for people: whole lines of plain text, no colour, no control characters from any
/// input.
namespace bonedry::admin {

/// A table of the nodes, followed by details of each bleeding node.
/// `width`: of the terminal, for which columns are left out; 0: no limit.
[[nodiscard]] std::string render_text(const Status& status, WallTime now, std::size_t width = 0);

/// The sessions of `node`: a table, how many there are, and how to see the rest.
[[nodiscard]] std::string render_text(const balancer::NodeId& node,
                                      const session::SessionPage& page, Instant now);

/// One line.
/// Lines, each without its end.
[[nodiscard]] std::string render_text(const std::vector<std::string>& lines);
[[nodiscard]] std::string render_text(const Event& event);

/// One line; "dry …", or an error that says what ended the wait.
[[nodiscard]] std::string render_text(const WaitResult& result);

/// One line.
[[nodiscard]] std::string render_text(const ChangeResult& result);

/// Whether a pass is for the address bar of a browser, or for the fields of a request.
enum class PassForm : std::uint8_t { url, header };
/// `url`: what to append to a URL, and a line that explains it. `header`: the field, and no more.
[[nodiscard]] std::string render_text(const PassResult& pass, PassForm form);

/// One line that begins with "error: ".
[[nodiscard]] std::string render_text(const CommandError& error);

/// The first eight hex digits of a session's key: enough to tell sessions apart, too few to use as
/// a key.
[[nodiscard]] std::string short_id(const session::SessionKey& key);

}  // namespace bonedry::admin
