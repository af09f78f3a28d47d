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

}  // namespace

std::optional<CommandError> check_reloadable(const conf::Config& before, const conf::Config& next) {
  std::vector<std::string> keys;
  conf::Server server = next.server;
  server.trusted_proxies = before.server.trusted_proxies;  // these are part of the topology
  if (server != before.server) keys.emplace_back("[server]");
  if (next.admin != before.admin) keys.emplace_back("[admin]");
  if (next.log != before.log) keys.emplace_back("[log]");
  if (next.ledger != before.ledger) keys.emplace_back("[ledger]");
  if (fixed_part(next.listeners) != fixed_part(before.listeners)) keys.emplace_back("[[listener]]");
  if (keys.empty()) return std::nullopt;
  return CommandError{
      ErrorCode::needs_restart,
      "a change of " + joined(keys) + " requires a restart; the running config is unchanged"};
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
