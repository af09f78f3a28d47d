#pragma once

#include "conf/toml_tree.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::conf {

/// A place in the file and its key, e.g. "pool[shop].node[alice].weight".
struct Place {
  Position at;
  std::string key;  ///< empty: the document itself
};

/// What is wrong with a config, or allowed but probably not meant.
struct Problem {
  enum class Severity : std::uint8_t { error, warning };

  Severity severity = Severity::error;
  Place place;
  std::string what;
};

/// The place of a problem that has none in the file, such as one of a file that the config names.
inline constexpr Position kNowhere{0, 0};

/// The problems of one severity as lines "FILE:LINE:COLUMN: KEY: what": at most `kMaxShown`, then
/// one that says how many more there are. For kNowhere "FILE: KEY: what", or `what` alone if there
/// is no key.
[[nodiscard]] std::vector<std::string> to_lines(std::span<const Problem> problems,
                                                Problem::Severity severity,
                                                std::string_view file_name);
inline constexpr std::size_t kMaxShown = 100;

/// Collects all errors and warnings of one file, so that the operator can fix it in one go.
class Problems {
 public:
  void error(const Place& place, std::string_view what);
  void warning(const Place& place, std::string_view what);

  /// Whether an error was noted for exactly this key.
  [[nodiscard]] bool has_error(const std::string& key) const { return faulty_.count(key) != 0; }
  [[nodiscard]] bool any_error() const { return !faulty_.empty(); }
  /// In the order of the file.
  [[nodiscard]] std::vector<Problem> take();

 private:
  std::vector<Problem> all_;
  std::set<std::string> faulty_;
};

}  // namespace bonedry::conf
