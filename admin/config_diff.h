#pragma once

#include "admin/node_record.h"
#include "conf/config.h"

#include <optional>
#include <string>
#include <vector>

/// What a reload changes, for the operator who asked for it.
namespace bonedry::admin {

/// One line for each change that people see: pools and nodes that come, go, begin to bleed or still
/// do, cookies, and which settings differ. `records`: those that are in force with `next`.
[[nodiscard]] std::vector<std::string> changes_between(const conf::Config& before,
                                                       const conf::Config& next,
                                                       const NodeRecords& records);

/// Why a pool that has a node for new users would have none; nothing: that is true of no pool.
/// `records_before` and `records`: those that are in force with `before` and with `next`.
[[nodiscard]] std::optional<std::string> pool_left_without_node(const conf::Config& before,
                                                                const NodeRecords& records_before,
                                                                const conf::Config& next,
                                                                const NodeRecords& records);

}  // namespace bonedry::admin
