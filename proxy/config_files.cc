#include "proxy/config_files.h"

#include "proxy/base/clock.h"
#include "proxy/tls/files.h"

#include <string>
#include <vector>

namespace bonedry::proxy {

Result<conf::Loaded> load_config(std::string_view toml, std::string_view file_name) {
  Result<conf::Loaded> loaded = conf::load_text(toml, file_name);
  if (!loaded) return loaded;
  const Result<std::vector<std::string>> warnings =
      tls::read_files(loaded->config, SystemClock().wall());
  if (!warnings) return Failure{warnings.error()};
  loaded->warnings.insert(loaded->warnings.end(), warnings->begin(), warnings->end());
  return loaded;
}

Result<conf::Loaded> load_pools(std::string_view toml, std::string_view file_name) {
  Result<conf::Loaded> loaded = conf::load_text(toml, file_name);
  if (!loaded) return loaded;
  const auto warnings = tls::read_pool_files(loaded->config, SystemClock().wall());
  if (!warnings) return Failure{warnings.error()};
  return loaded;
}

}  // namespace bonedry::proxy
