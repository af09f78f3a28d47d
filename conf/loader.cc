#include "conf/loader.h"

#include "conf/problems.h"
#include "conf/schema.h"
#include "conf/toml_tree.h"
#include "conf/validate.h"
#include "proxy/base/file.h"

namespace bonedry::conf {
namespace {

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

Result<Loaded> load_file(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return Failure{text.error()};
  return load_text(*text, path);
}

Result<Loaded> load_text(std::string_view toml, std::string_view file_name) {
  Problems problems{std::string{file_name}};
  const Result<Value, SyntaxError> document = parse_toml(toml);
  if (!document) {
    problems.error({document.error().at, ""}, document.error().what);
    return Failure{lines(problems.errors())};
  }
  Loaded loaded;
  validate(loaded.config, read_config(*document, loaded.config, problems));
  if (problems.any_error()) return Failure{lines(problems.errors())};
  loaded.warnings = problems.warnings();
  return loaded;
}

}  // namespace bonedry::conf
