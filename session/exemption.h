#pragma once

#include "conf/config.h"
#include "proxy/base/ip_address.h"

#include <optional>
#include <span>
#include <string_view>

namespace bonedry::session {

/// What of a request exemptions look at.
struct RequestTraits {
  std::string_view method;
  std::string_view target;          ///< any query is ignored
  std::string_view user_agent;      ///< empty: none
  std::optional<IpAddress> client;  ///< as the access log names it; nothing: not an address
};

/// Whether a request is not of a user, by [pool.session] exempt: all conditions of one entry hold.
/// Takes time in proportion to the number of entries, which the loader bounds; no part of a request
/// makes it long.
[[nodiscard]] bool matches_any(std::span<const conf::Exemption> exemptions,
                               const RequestTraits& request);

}  // namespace bonedry::session
