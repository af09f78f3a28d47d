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
  bad_pass,
  client_gone,
  client_stalled,
  no_node,
  node_lost,
  held,
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

/// The side that caused the end.
enum class Side : std::uint8_t { nobody, downstream, upstream, internal };

/// One row of the table of end reasons, which log, metrics and documentation share.
struct EndReasonInfo {
  EndReason reason;
  std::string_view name;
  Side side;
  int status;             ///< response status if none was sent yet; 0: no response
  std::string_view text;  ///< readable text, sent to the client
};

[[nodiscard]] const EndReasonInfo& info_of(EndReason reason);

}  // namespace bonedry::proxy
