#pragma once

#include "conf/toml_tree.h"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::conf {

/// A place in the file and its key, e.g. "pool[shop].node[alice].weight".
struct Place {
  Position at;
  std::string key;  ///< empty: the document itself
};

/// Collects all errors and warnings of one file, so that the operator can fix it in one go.
class Problems {
 public:
  explicit Problems(std::string file_name) : file_name_(std::move(file_name)) {}

  void error(const Place& place, std::string_view what);
  void warning(const Place& place, std::string_view what);

  /// Whether an error was noted for exactly this key.
  [[nodiscard]] bool has_error(const std::string& key) const { return faulty_.count(key) != 0; }
  [[nodiscard]] bool any_error() const { return !errors_.empty(); }

  /// Lines "FILE:LINE:COLUMN: KEY: what", in the order of the file: at most `kMaxShown`, then one
  /// that says how many more there are.
  [[nodiscard]] std::vector<std::string> errors() const { return lines(errors_); }
  [[nodiscard]] std::vector<std::string> warnings() const { return lines(warnings_); }

  static constexpr std::size_t kMaxShown = 100;

 private:
  struct Problem {
    Position at;
    std::string text;
  };

  [[nodiscard]] std::vector<std::string> lines(std::vector<Problem> problems) const;

  const std::string file_name_;
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
  std::set<std::string> faulty_;
};

}  // namespace bonedry::conf
