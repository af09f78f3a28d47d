#include "admin/config_change.h"

#include "admin/find_pool.h"
#include "admin/phrases.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace bonedry::admin {

namespace {

/// What of a listener can be changed only by a restart: everything but how it speaks TLS and which
/// requests it answers itself.
std::vector<conf::Listener> fixed_part(std::vector<conf::Listener> listeners) {
  for (conf::Listener& listener : listeners) {
    if (listener.tls) listener.tls.emplace();
    listener.acme_challenges.clear();
    listener.health_path.clear();
  }
  return listeners;
}

std::optional<conf::AdminHttp> fixed_part(std::optional<conf::AdminHttp> http) {
  if (http && http->tls) http->tls.emplace();
  return http;
}

/// Names the keys of a table that differ: "[log] level". The table alone if none of them does.
template <typename Table>
class ChangedKeys {
 public:
  ChangedKeys(std::string_view name, const Table& before, const Table& next)
      : name_(name), before_(before), next_(next) {}

  template <typename T>
  ChangedKeys& key(std::string_view name, T Table::*member) {
    if (before_.*member != next_.*member) keys_.push_back(name_ + " " + std::string(name));
    return *this;
  }
  void add_to(std::vector<std::string>& all) const {
    if (before_ == next_) return;
    if (keys_.empty()) return all.push_back(name_);
    all.insert(all.end(), keys_.begin(), keys_.end());
  }

 private:
  std::string name_;
  const Table& before_;
  const Table& next_;
  std::vector<std::string> keys_;
};

}  // namespace

std::optional<CommandError> check_reloadable(const conf::Config& before, const conf::Config& next) {
  std::vector<std::string> keys;
  conf::Server server = next.server;
  server.trusted_proxies = before.server.trusted_proxies;  // these are part of the topology
  conf::Admin admin_before = before.admin;  // what is not named below is read again when it is used
  admin_before.http = fixed_part(before.admin.http);
  conf::Admin admin = admin_before;
  admin.socket = next.admin.socket;
  admin.http = fixed_part(next.admin.http);
  ChangedKeys<conf::Server>("[server]", before.server, server)
      .key("workers", &conf::Server::workers)
      .key("state_dir", &conf::Server::state_dir)
      .key("secrets", &conf::Server::secrets)
      .key("secret_file", &conf::Server::secret_file)
      .key("underscore_names", &conf::Server::underscore_names)
      .add_to(keys);
  ChangedKeys<conf::Admin>("[admin]", admin_before, admin)
      .key("socket", &conf::Admin::socket)
      .key("http", &conf::Admin::http)
      .add_to(keys);
  ChangedKeys<conf::Log>("[log]", before.log, next.log)
      .key("level", &conf::Log::level)
      .key("access", &conf::Log::access)
      .key("format", &conf::Log::format)
      .key("facility", &conf::Log::facility)
      .key("request_id", &conf::Log::request_id)
      .add_to(keys);
  ChangedKeys<conf::Ledger>("[ledger]", before.ledger, next.ledger)
      .key("sessions", &conf::Ledger::sessions)
      .key("last_requests", &conf::Ledger::last_requests)
      .add_to(keys);
  if (before.cluster != next.cluster) keys.emplace_back("[cluster]");
  if (fixed_part(next.listeners) != fixed_part(before.listeners)) keys.emplace_back("[[listener]]");
  if (keys.empty()) return std::nullopt;
  // Two generations of the program share the state and the cookies.
  const bool shared =
      server.state_dir != before.server.state_dir || server.secrets != before.server.secrets ||
      server.secret_file != before.server.secret_file || before.cluster != next.cluster;
  return CommandError{
      ErrorCode::needs_restart,
      "a change of " + joined(keys) + " takes a restart" +
          (shared ? "" : ", or 'bonedryctl upgrade', which is one without a break") +
          "; the running config is unchanged"};
}

std::optional<CommandError> check_cookie_unchanged(const conf::Config& before,
                                                   const conf::Config& next) {
  for (const conf::Pool& pool : next.pools) {
    const conf::Pool* const was = find_pool(before, pool.name);
    if (was == nullptr || pool.session.cookie_named != conf::NameSource::by_default) continue;
    if (pool.session.sticky != conf::Sticky::insert || was->session.sticky != pool.session.sticky ||
        was->session.cookie == pool.session.cookie) {
      continue;
    }
    return CommandError{
        ErrorCode::conflict,
        "pool " + pool.name + ": its position in the file would rename its session cookie to \"" +
            pool.session.cookie +
            "\", and all its users would lose their session; set [pool.session] cookie = \"" +
            was->session.cookie + "\"; the running config is unchanged"};
  }
  return std::nullopt;
}

}  // namespace bonedry::admin
