#pragma once

#include "balancer/node_id.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::admin {

/// "1 session", "2 sessions".
[[nodiscard]] std::string counted(std::int64_t count, const std::string& what);

/// "a, b, c".
[[nodiscard]] std::string joined(const std::vector<std::string>& parts,
                                 std::string_view separator = ", ");
[[nodiscard]] std::string joined(const std::vector<balancer::NodeId>& nodes);
/// "a, b, c and 4 more".
[[nodiscard]] std::string first_few(const std::vector<std::string>& parts);

/// "unknown pool 'x'; known pools: shop, blog"
[[nodiscard]] std::string unknown_pool(std::string_view name,
                                       const std::vector<std::string>& known);

/// " by root, reason: update 4.2", as far as there is any of it.
[[nodiscard]] std::string who(const std::string& by, const std::string& reason);

}  // namespace bonedry::admin
