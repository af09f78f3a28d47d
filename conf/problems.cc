#include "conf/problems.h"

#include <algorithm>

namespace bonedry::conf {
namespace {

std::string about(const Place& place, std::string_view what) {
  return (place.key.empty() ? "" : place.key + ": ") + std::string{what};
}

}  // namespace

void Problems::error(const Place& place, std::string_view what) {
  errors_.push_back({place.at, about(place, what)});
  faulty_.insert(place.key);
}

void Problems::warning(const Place& place, std::string_view what) {
  warnings_.push_back({place.at, about(place, what)});
}

std::vector<std::string> Problems::lines(std::vector<Problem> problems) const {
  std::ranges::stable_sort(problems, {}, &Problem::at);
  std::vector<std::string> lines;
  for (const Problem& problem : problems) {
    const std::size_t left = problems.size() - lines.size();
    const bool last = lines.size() == kMaxShown;
    lines.push_back(
        file_name_ + ":" + std::to_string(problem.at.line) + ":" +
        std::to_string(problem.at.column) + ": " +
        (last ? std::to_string(left) + " more from this line on, not shown" : problem.text));
    if (last) break;
  }
  return lines;
}

}  // namespace bonedry::conf
