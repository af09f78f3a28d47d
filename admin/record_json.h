#pragma once

#include "admin/node_record.h"
#include "balancer/node_id.h"

#include <nlohmann/json.hpp>

#include <string>

/// Node records as JSON. What cannot be read throws std::exception with a text that says why.
namespace bonedry::admin {

/// Members that were added later are written only where they say something, so that an older
/// version can read most files.
[[nodiscard]] nlohmann::json to_json(const NodeRecord& record);
/// Members that it does not know are ignored.
[[nodiscard]] NodeRecord record_from_json(const nlohmann::json& json);
/// The node of "POOL/NODE".
[[nodiscard]] balancer::NodeId node_id_from_json(const std::string& text);
/// A time in milliseconds since 1970, until the year 9999.
[[nodiscard]] WallTime time_from_json(const nlohmann::json& json, const char* name);

}  // namespace bonedry::admin
