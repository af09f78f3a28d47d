#include "conf/loader.h"

#include "conf/schema.h"
#include "conf/toml_tree.h"
#include "conf/validate.h"
#include "proxy/base/file.h"

#include <utility>

namespace bonedry::conf {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

Result<Loaded> load_file(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return Failure{text.error()};
  return load_text(*text, path);
}

Result<Loaded> load_text(std::string_view toml, std::string_view file_name) {
  using Severity = Problem::Severity;
  Checked checked = check_text(toml);
  if (!checked.config) {
    return Failure{joined(to_lines(checked.problems, Severity::error, file_name))};
  }
  return Loaded{std::move(*checked.config),
                to_lines(checked.problems, Severity::warning, file_name)};
}

Checked check_text(std::string_view toml) {
  Problems problems;
  const Result<Value, SyntaxError> document = parse_toml(toml);
  if (!document) {
    problems.error({document.error().at, ""}, document.error().what);
    return {std::nullopt, problems.take()};
  }
  Config config;
  validate(config, read_config(*document, config, problems));
  if (problems.any_error()) return {std::nullopt, problems.take()};
  return {std::move(config), problems.take()};
}

}  // namespace bonedry::conf
