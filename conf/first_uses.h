#pragma once

#include "conf/problems.h"

#include <map>
#include <optional>
#include <string>

namespace bonedry::conf {

inline std::string line_of(const Place& place) {
  return "line " + std::to_string(place.at.line);
}

/// Finds values that are used in more than one table: `add` returns the place of the first use.
class FirstUses {
 public:
  std::optional<Place> add(const std::string& value, const Place& place) {
    const auto [first, fresh] = places_.try_emplace(value, place);
    if (fresh) return std::nullopt;
    return first->second;
  }

 private:
  std::map<std::string, Place> places_;
};

}  // namespace bonedry::conf
