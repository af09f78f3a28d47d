#pragma once

#include "admin/roll/roll.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::ctl {

/// The nodes of a roll and their steps, from the JSON that the proxy sends; nothing if it is not
/// such JSON.
[[nodiscard]] std::optional<std::vector<admin::RolledNode>> parse_roll(std::string_view json);

/// What `status json` says of a node.
struct PoolNode {
  std::string name;
  std::string address;
  std::string state;
  std::string health;
  std::int64_t users = 0;  ///< live and pending sessions
};
/// The nodes of a pool; nothing if the pool is not in there.
[[nodiscard]] std::optional<std::vector<PoolNode>> parse_pool(std::string_view json,
                                                              std::string_view pool);

/// A pass from the JSON that `pass` answers.
struct Pass {
  std::string token;
  std::string header;  ///< "Bonedry-Pass: …"
};
[[nodiscard]] std::optional<Pass> parse_pass(std::string_view json);

}  // namespace bonedry::ctl
