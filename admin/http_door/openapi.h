#pragma once

#include <string>

namespace bonedry::admin::http_door {

/// The description of the door (OpenAPI 3.1.0) as JSON, made from the command table.
[[nodiscard]] std::string openapi();

}  // namespace bonedry::admin::http_door
