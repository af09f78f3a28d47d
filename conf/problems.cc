#include "conf/problems.h"

#include <algorithm>

namespace bonedry::conf {
namespace {

std::string prefix(const Place& place, std::string_view file_name) {
  const bool nowhere = place.at == kNowhere;
  if (nowhere && place.key.empty()) return "";
  std::string text(file_name);
  if (!nowhere) text += ":" + std::to_string(place.at.line) + ":" + std::to_string(place.at.column);
  return text + ": ";
}

}  // namespace

std::vector<std::string> to_lines(std::span<const Problem> problems, Problem::Severity severity,
                                  std::string_view file_name) {
  std::vector<std::string> lines;
  std::size_t left =
      static_cast<std::size_t>(std::ranges::count(problems, severity, &Problem::severity));
  for (const Problem& problem : problems) {
    if (problem.severity != severity) continue;
    const auto& [at, key] = problem.place;
    const std::string text = (key.empty() ? "" : key + ": ") + problem.what;
    const bool last = lines.size() == kMaxShown;
    lines.push_back(prefix(problem.place, file_name) +
                    (last ? std::to_string(left) + " more from this line on, not shown" : text));
    if (last) break;
    --left;
  }
  return lines;
}

void Problems::error(const Place& place, std::string_view what) {
  all_.push_back({Problem::Severity::error, place, std::string{what}});
  faulty_.insert(place.key);
}

void Problems::warning(const Place& place, std::string_view what) {
  all_.push_back({Problem::Severity::warning, place, std::string{what}});
}

std::vector<Problem> Problems::take() {
  std::ranges::stable_sort(all_, {}, [](const Problem& problem) { return problem.place.at; });
  return std::exchange(all_, {});
}

}  // namespace bonedry::conf
