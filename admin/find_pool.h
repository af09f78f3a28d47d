#pragma once

#include "conf/config.h"

#include <algorithm>
#include <string_view>

namespace bonedry::admin {

/// Null: the config has no pool of this name.
[[nodiscard]] inline const conf::Pool* find_pool(const conf::Config& config,
                                                 std::string_view name) {
  const auto found = std::ranges::find(config.pools, name, &conf::Pool::name);
  return found == config.pools.end() ? nullptr : &*found;
}

}  // namespace bonedry::admin
