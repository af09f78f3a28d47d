#pragma once

#include "admin/status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::admin {

/// The nodes of one group, taken together.
struct GroupStatus {
  std::string name;
  std::size_t nodes = 0;
  std::size_t active = 0;
  std::size_t maintained = 0;  ///< in maintenance
  std::size_t dry = 0;
  std::int64_t live = 0;
  std::int64_t pending = 0;
};

/// The groups of a pool in the order of their first nodes; none if its nodes are in no group.
[[nodiscard]] std::vector<GroupStatus> groups_of(const PoolStatus& pool);

/// "group blue is dry", "group green is active", "group blue bleeds: 12 live and 3 pending
/// sessions".
[[nodiscard]] std::string to_text(const GroupStatus& group);

}  // namespace bonedry::admin
