#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bonedry::proxy {

/// Every way in which an exchange can end.
enum class EndReason : std::uint8_t {
  completed,
  bad_request,
  body_too_large,
  client_gone,
  client_stalled,
  no_node,
  node_lost,
  node_full,
  no_resources,
  connect_failed,
  connect_timeout,
  response_timeout,
  node_closed,
  bad_response,
  response_cut,
  node_stalled,
  tunnel_idle,
  tunnel_moved,
  shut_down,
};

inline constexpr std::size_t kEndReasons = static_cast<std::size_t>(EndReason::shut_down) + 1;

/// Whose doing an ending is.
enum class Side : std::uint8_t { nobody, downstream, upstream, internal };

/// What log, metrics and documentation know of an ending: one row of one table.
struct EndReasonInfo {
  EndReason reason;
  std::string_view name;
  Side side;
  int status;             ///< what the client is answered when nothing was yet; 0: nothing
  std::string_view text;  ///< for the client and for people
};

[[nodiscard]] const EndReasonInfo& info_of(EndReason reason);

}  // namespace bonedry::proxy
