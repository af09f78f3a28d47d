#pragma once

#include <cstdint>
#include <string>

namespace bonedry::admin {

/// What keeps a node from being dry, in numbers.
struct RemainingUsers {
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;

  [[nodiscard]] bool none() const { return live + pending + exchanges_open == 0; }
};

/// "4 live and 1 pending sessions, 2 open exchanges"; without exchanges only the sessions, without
/// sessions only the exchanges: "2 open exchanges".
[[nodiscard]] std::string to_text(const RemainingUsers& left);

/// "shop/alice still has 4 live and 1 pending sessions"; without users "shop/alice is not dry: "
/// and what keeps it from being dry.
[[nodiscard]] std::string why_not_dry(const std::string& node, const RemainingUsers& left,
                                      const std::string& blocked_by);

}  // namespace bonedry::admin
