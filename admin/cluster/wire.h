#pragma once

#include "admin/cluster/roster.h"
#include "admin/cluster/shared_state.h"
#include "admin/cluster/statement.h"
#include "admin/cluster/version_vector.h"

#include <nlohmann/json.hpp>

/// The values that members exchange, and that they keep on their disks, as JSON. Reading ignores
/// members that it does not know, so that members of two versions understand each other; what
/// cannot be read throws std::exception.
namespace bonedry::admin::cluster {

[[nodiscard]] nlohmann::json to_json(const VersionVector& version);
[[nodiscard]] nlohmann::json to_json(const Roster& roster);
[[nodiscard]] nlohmann::json to_json(const SharedStates& states);
[[nodiscard]] nlohmann::json to_json(const Votes& votes);
[[nodiscard]] nlohmann::json to_json(const Statement& statement);

[[nodiscard]] VersionVector version_from_json(const nlohmann::json& json);
[[nodiscard]] Roster roster_from_json(const nlohmann::json& json);
[[nodiscard]] SharedStates states_from_json(const nlohmann::json& json);
[[nodiscard]] Votes votes_from_json(const nlohmann::json& json);
[[nodiscard]] Statement statement_from_json(const nlohmann::json& json);

}  // namespace bonedry::admin::cluster
