#include "admin/config_change.h"

#include "admin/find_pool.h"
#include "admin/phrases.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace bonedry::admin {

std::optional<CommandError> check_reloadable(const conf::Config& before, const conf::Config& next) {
  std::vector<std::string> keys;
  conf::Server server = next.server;
  server.trusted_proxies = before.server.trusted_proxies;  // these go with the topology
  if (server != before.server) keys.emplace_back("[server]");
  if (next.admin != before.admin) keys.emplace_back("[admin]");
  if (next.log != before.log) keys.emplace_back("[log]");
  if (next.ledger != before.ledger) keys.emplace_back("[ledger]");
  if (next.listeners != before.listeners) keys.emplace_back("[[listener]]");
  if (keys.empty()) return std::nullopt;
  return CommandError{ErrorCode::needs_restart,
                      "a change of " + joined(keys) + " takes a restart; nothing was changed"};
}

std::optional<CommandError> check_cookie_unchanged(const conf::Config& before,
                                                   const conf::Config& next) {
  for (const conf::Pool& pool : next.pools) {
    const conf::Pool* const was = find_pool(before, pool.name);
    if (was == nullptr || pool.session.cookie_named != conf::Named::by_default) continue;
    if (pool.session.sticky != conf::Sticky::insert || was->session.sticky != pool.session.sticky ||
        was->session.cookie == pool.session.cookie) {
      continue;
    }
    return CommandError{ErrorCode::conflict,
                        "pool " + pool.name +
                            ": its place in the file would make its session cookie \"" +
                            pool.session.cookie +
                            "\", and all its users new ones; write [pool.session] cookie = \"" +
                            was->session.cookie + "\"; nothing was changed"};
  }
  return std::nullopt;
}

}  // namespace bonedry::admin
