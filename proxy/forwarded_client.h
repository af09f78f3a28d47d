#pragma once

#include "conf/network.h"
#include "proxy/http/head.h"

#include <span>
#include <string_view>

namespace bonedry::proxy {

/// Who asked, when a trusted proxy passed the request on: the last address of X-Forwarded-For that
/// is not of a trusted proxy itself, since each of them appended the one it saw. Where the list
/// ends, or holds what is no address, before one is found: the last proxy that could be named. A
/// port that follows an address is not part of the result. `peer`: the proxy that the request came
/// from. The result lives as long as the head and `peer`.
[[nodiscard]] std::string_view forwarded_client(const http::Head& head, std::string_view peer,
                                                std::span<const conf::Network> trusted);

}  // namespace bonedry::proxy
