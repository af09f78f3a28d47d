#pragma once

#include "admin/http_door/problem.h"
#include "admin/http_door/request.h"

#include <cstdint>
#include <optional>

/// Keeps pages of other origins away from the door: a browser on the operator's machine reaches a
/// loopback address for whatever page it shows.
namespace bonedry::admin::http_door {

/// Where clients come from.
enum class Reach : std::uint8_t {
  loopback,  ///< this machine, by TCP: browsers as well
  network,   ///< anywhere, by TLS, and with a token
  local,     ///< by a Unix socket: no browser
};

/// What a request is for.
enum class Purpose : std::uint8_t {
  page,    ///< a file of the dashboard, which contains no data
  read,    ///< data
  change,  ///< something else
};

/// What is wrong with a request; nothing if it may have come from the dashboard, or did not come
/// from a browser. On a loopback address, the Host must name this machine: a name of somebody
/// else's may resolve to that address (DNS rebinding). Then Sec-Fetch-Site decides (Fetch Metadata
/// Request Headers, section 2.3), or, with browsers that do not send it, Origin (RFC 6454,
/// section 7). A link to the dashboard on another page works.
[[nodiscard]] std::optional<Problem> cross_origin_problem(const Request& request, Reach reach,
                                                          Purpose purpose);

}  // namespace bonedry::admin::http_door
