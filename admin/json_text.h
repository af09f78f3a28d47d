#pragma once

#include "proxy/base/clock.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

/// How responses in JSON are written.
namespace bonedry::admin {

/// Keeps members in the order in which they were added.
using Json = nlohmann::ordered_json;

/// One line, with its end. Everything except ASCII is escaped ("\u202e"), so that the response is
/// also safe on a terminal.
[[nodiscard]] inline std::string one_line(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

[[nodiscard]] inline double seconds(Millis duration) {
  return static_cast<double>(std::max(duration, Millis{0}).count()) / 1000.0;
}

}  // namespace bonedry::admin
