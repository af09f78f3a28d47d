#pragma once

#include "proxy/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::admin::http_door {

/// What a request says of a command: names and values, in the order in which they were sent. A flag
/// has the value "true" or "false".
using Arguments = std::vector<std::pair<std::string, std::string>>;

/// Most arguments of a request: several times what any command takes.
constexpr std::size_t kMaxArguments = 32;

/// "node=shop%2Falice&limit=50"; '+' is a space (application/x-www-form-urlencoded). The error, as
/// those below, is for the client. No name comes twice.
[[nodiscard]] Result<Arguments> arguments_of_query(std::string_view query);

/// {"node":"shop/alice","force":true,"limit":50}: one object of strings, whole numbers, true and
/// false; null counts as not there. RFC 8259.
[[nodiscard]] Result<Arguments> arguments_of_json(std::string_view body);

}  // namespace bonedry::admin::http_door
