#include "proxy/config_files.h"

#include "conf/hook_programs.h"
#include "conf/token_files.h"
#include "proxy/base/clock.h"
#include "proxy/base/directory.h"
#include "proxy/redis/store_settings.h"
#include "proxy/tls/files.h"
#include "session/secrets.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

using Severity = conf::Problem::Severity;

using conf::Problem;

/// The problems as lines, joined.
std::string text_of(const std::vector<Problem>& problems, std::string_view file_name) {
  std::string text;
  for (const std::string& line : conf::to_lines(problems, Severity::error, file_name)) {
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

void note(conf::Checked& checked, Severity severity, const char* key, const std::string& what) {
  checked.problems.push_back({severity, {conf::kNowhere, key}, what});
}

/// A generated secret is left alone: if there is none yet, reading it would generate it.
std::optional<std::string> secret_error(const conf::Server& server) {
  if (server.secret_file.empty()) return std::nullopt;
  const auto secrets = session::load_secrets(server);
  return secrets ? std::nullopt : std::optional(secrets.error());
}

/// Empty: there is no cluster, or its store can be tried.
std::string store_error(const conf::Config& config) {
  if (!config.cluster) return "";
  const auto settings = redis::store_settings(*config.cluster);
  return settings ? "" : settings.error();
}

}  // namespace

Result<conf::Loaded> load_config(std::string_view toml, std::string_view file_name) {
  Result<conf::Loaded> loaded = conf::load_text(toml, file_name);
  if (!loaded) return loaded;
  const Result<std::vector<std::string>> warnings =
      tls::read_files(loaded->config, SystemClock().wall());
  if (!warnings) return Failure{warnings.error()};
  loaded->warnings.insert(loaded->warnings.end(), warnings->begin(), warnings->end());
  const std::string store = store_error(loaded->config);
  if (!store.empty()) return Failure{store};
  const std::vector<Problem> tokens = conf::read_token_files(loaded->config.admin);
  if (!tokens.empty()) return Failure{text_of(tokens, file_name)};
  // Without a program that only tells of events, a proxy must start all the same.
  for (std::string& line :
       conf::to_lines(conf::missing_programs(loaded->config.hooks), Severity::warning, file_name)) {
    loaded->warnings.push_back(std::move(line));
  }
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
  const std::string store = store_error(*checked.config);
  if (!store.empty()) note(checked, Severity::error, "", store);
  // Another user than the one who checks may be the one who starts it.
  const Result<> writable = check_writable(server.state_dir);
  if (!writable) note(checked, Severity::warning, "server.state_dir", writable.error());
  std::vector<Problem> wrong = conf::read_token_files(checked.config->admin);
  for (Problem& missing : conf::missing_programs(checked.config->hooks)) {
    missing.severity = Severity::error;  // a start only warns, see load_config
    wrong.push_back(std::move(missing));
  }
  checked.problems.insert(checked.problems.end(), wrong.begin(), wrong.end());
  if (!warnings || secret || !store.empty() || !wrong.empty()) checked.config.reset();
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
