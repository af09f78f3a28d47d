#include "proxy/redis/store_settings.h"

#include "proxy/base/file.h"

#include <string>

namespace bonedry::redis {

Result<Settings> store_settings(const conf::Cluster& config) {
  Result<Settings> settings = parse_store_url(config.store, config.sentinels);
  if (!settings) return Failure{"[cluster] store: " + settings.error()};
  settings->username = config.username;
  if (config.password_file.empty()) return settings;
  const Result<std::string> text = read_file(config.password_file);
  if (!text) return Failure{"[cluster] password_file: " + text.error()};
  settings->password = text->substr(0, text->find_first_of("\r\n"));
  if (settings->password.empty()) {
    return Failure{"[cluster] password_file: " + config.password_file + " has no password"};
  }
  return settings;
}

}  // namespace bonedry::redis
