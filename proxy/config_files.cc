#include "proxy/config_files.h"

#include "proxy/base/clock.h"
#include "proxy/base/directory.h"
#include "proxy/tls/files.h"
#include "session/secrets.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

using Severity = conf::Problem::Severity;

void note(conf::Checked& checked, Severity severity, const char* key, const std::string& what) {
  checked.problems.push_back({severity, {conf::kNowhere, key}, what});
}

/// A generated secret is left alone: if there is none yet, reading it would generate it.
std::optional<std::string> secret_error(const conf::Server& server) {
  if (server.secret_file.empty()) return std::nullopt;
  const auto secrets = session::load_secrets(server);
  return secrets ? std::nullopt : std::optional(secrets.error());
}

}  // namespace

Result<conf::Loaded> load_config(std::string_view toml, std::string_view file_name) {
  Result<conf::Loaded> loaded = conf::load_text(toml, file_name);
  if (!loaded) return loaded;
  const Result<std::vector<std::string>> warnings =
      tls::read_files(loaded->config, SystemClock().wall());
  if (!warnings) return Failure{warnings.error()};
  loaded->warnings.insert(loaded->warnings.end(), warnings->begin(), warnings->end());
  return loaded;
}

conf::Checked check_config(std::string_view toml) {
  conf::Checked checked = conf::check_text(toml);
  if (!checked.config) return checked;
  const auto warnings = tls::read_files(*checked.config, SystemClock().wall());
  if (warnings) {
    for (const std::string& one : *warnings) note(checked, Severity::warning, "", one);
  } else {
    note(checked, Severity::error, "", warnings.error());
  }
  const conf::Server& server = checked.config->server;
  const auto secret = secret_error(server);
  if (secret) note(checked, Severity::error, "server.secret_file", *secret);
  // Another user than the one who checks may be the one who starts it.
  const Result<> writable = check_writable(server.state_dir);
  if (!writable) note(checked, Severity::warning, "server.state_dir", writable.error());
  if (!warnings || secret) checked.config.reset();
  return checked;
}

Result<conf::Loaded> load_pools(std::string_view toml, std::string_view file_name) {
  Result<conf::Loaded> loaded = conf::load_text(toml, file_name);
  if (!loaded) return loaded;
  const auto warnings = tls::read_pool_files(loaded->config, SystemClock().wall());
  if (!warnings) return Failure{warnings.error()};
  return loaded;
}

}  // namespace bonedry::proxy
