#pragma once

#include "conf/config.h"
#include "conf/problems.h"
#include "proxy/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::conf {

/// A config that can be run. The warnings are lines "FILE:LINE:COLUMN: KEY: text" about what is
/// allowed but probably not meant.
struct Loaded {
  Config config;
  std::vector<std::string> warnings;
};

/// Reads and checks a config file of at most kReadLimit bytes; relative paths in it are kept as
/// written. The error is text for the operator: one line "FILE:LINE:COLUMN: KEY: what was wrong,
/// what was expected" for each error, in the order of the file and without a final line end. Of
/// TOML syntax errors only the first is found (it has no KEY); a file that cannot be read gives one
/// line with the reason. No secret appears in any message.
[[nodiscard]] Result<Loaded> load_file(const std::string& path);

/// As load_file, for text in memory; messages use `file_name`.
[[nodiscard]] Result<Loaded> load_text(std::string_view toml, std::string_view file_name);

/// A config, unless there are errors, and all that was found, in the order of the file. Of TOML
/// syntax errors only the first is found.
struct Checked {
  std::optional<Config> config;
  std::vector<Problem> problems;
};
/// As load_text, with all problems as values.
[[nodiscard]] Checked check_text(std::string_view toml);

}  // namespace bonedry::conf
