#pragma once

#include "conf/network.h"
#include "proxy/http/head.h"

#include <span>
#include <string_view>

namespace bonedry::proxy {

/// The client, when a trusted proxy passed the request on: the last address of X-Forwarded-For that
/// is not a trusted proxy, since each proxy appends the address that it saw. If the list ends, or
/// has an entry that is not an address, before one is found, the result is the last proxy that was
/// identified. A port after an address is not part of the result. `peer`: the proxy that the
/// request came from. The result is valid as long as the head and `peer`.
[[nodiscard]] std::string_view forwarded_client(const http::Head& head, std::string_view peer,
                                                std::span<const conf::Network> trusted);

}  // namespace bonedry::proxy
