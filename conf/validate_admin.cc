#include "conf/validate_admin.h"

#include "conf/first_uses.h"
#include "conf/spelling.h"

#include <algorithm>

namespace bonedry::conf {
namespace {

void check_token(const AdminToken& token, const TableReader& table) {
  if (table.has("token") && table.has("token_file")) {
    table.error("token_file", "conflicts with token (" + line_of(table.place("token")) +
                                  "); set only one of the two");
  }
  if (!table.has("token") && !table.has("token_file")) {
    table.error("token_file", "required, but missing; expected token_file, or token");
  }
  if (token.scopes.size() < 2 || !table.sound("scope")) return;
  const auto all = [](const TokenScope& scope) { return scope.kind == TokenScope::Kind::operate; };
  if (std::ranges::any_of(token.scopes, all)) {
    table.warning("scope", R"("operate" allows everything; the other scopes add nothing to it)");
  }
}

bool has_node(const Config& config, const TokenScope& scope) {
  const auto pool = std::ranges::find(config.pools, scope.pool, &Pool::name);
  return pool != config.pools.end() &&
         std::ranges::find(pool->nodes, scope.node, &Node::name) != pool->nodes.end();
}

/// A scope may name a node that a later reload adds.
void check_scopes(const Config& config, const AdminToken& token, const TableReader& table) {
  for (const TokenScope& scope : token.scopes) {
    if (scope.kind != TokenScope::Kind::bleed || has_node(config, scope)) continue;
    table.warning("scope",
                  quote(to_string(scope)) + " is for a node that this config does not have");
  }
}

void check_tokens(const Config& config, const Sections& sections) {
  FirstUses names;
  for (std::size_t i = 0; i < config.admin.tokens.size(); ++i) {
    const TableReader& table = sections.tokens[i];
    const AdminToken& token = config.admin.tokens[i];
    check_token(token, table);
    check_scopes(config, token, table);
    if (!table.has("name") || !table.sound("name")) continue;
    if (const auto first = names.add(token.name, table.place("name"))) {
      table.error("name", quote(token.name) + " is already the name of the token at " +
                              line_of(*first) + "; choose another");
    }
  }
}

/// Beyond this machine, a password in clear would be everybody's.
void check_remote_http(const Admin& admin, const Sections& sections) {
  const std::string address = quote(to_string(admin.http->address));
  if (!admin.http->tls) {
    sections.admin.error("http", address +
                                     " can be reached from other machines: it needs TLS; add "
                                     "[admin.tls], or use 127.0.0.1");
  }
  if (admin.tokens.empty()) {
    sections.admin.error("http", address +
                                     " can be reached from other machines: it needs a token; "
                                     "add [[admin.token]], or use 127.0.0.1");
  }
}

bool is_wildcard(const Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

bool overlap(const Address& one, const Address& other) {
  if (one.port == 0 || one.port != other.port) return false;
  return one.host == other.host || is_wildcard(one) || is_wildcard(other);
}

/// What the door has no use for.
void check_http_tls(const TableReader& table) {
  for (const std::string_view key : {"strict_host", "client_cert_chain", "ocsp_response", "alpn"}) {
    if (table.has(key)) table.error(key, "is for listeners; remove it");
  }
}

void check_http(const Config& config, const Sections& sections) {
  const auto& http = config.admin.http;
  if (!http) {
    if (!sections.admin_tls.written() || sections.admin.has("http")) return;
    return sections.admin_tls.error("", "is for the HTTP door, but http of [admin] is not set");
  }
  check_http_tls(sections.admin_tls);
  if (!sections.admin.sound("http")) return;
  if (!http->socket.empty()) {
    if (http->tls) sections.admin.error("http", "a Unix socket takes no TLS; remove [admin.tls]");
    if (http->socket == config.admin.socket) {
      sections.admin.error("http", "is the path of the admin socket; choose another");
    }
    return;
  }
  const bool taken = std::ranges::any_of(config.listeners, [&http](const Listener& listener) {
    return overlap(http->address, listener.address);
  });
  if (taken) {
    sections.admin.error(
        "http", quote(to_string(http->address)) + " has the port of a listener; choose another");
  }
  if (!http->is_loopback()) check_remote_http(config.admin, sections);
}

/// Without a shell there is no search path.
void check_hooks(const Hooks& hooks, const TableReader& table) {
  for (std::size_t event = 0; event < kHookEvents; ++event) {
    const std::vector<std::string>& words = hooks.commands[event];
    const std::string_view key = kHookEventNames[event];
    if (words.empty() || words.front().starts_with('/') || !table.sound(key)) continue;
    table.error(key, quote(words.front()) +
                         " is not an absolute path; expected the path of a "
                         "program, then its arguments");
  }
}

}  // namespace

void validate_admin(const Config& config, const Sections& sections) {
  check_http(config, sections);
  check_tokens(config, sections);
  check_hooks(config.hooks, sections.hooks);
}

}  // namespace bonedry::conf
