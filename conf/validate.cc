#include "conf/validate.h"

#include "conf/first_uses.h"
#include "conf/pass_cookie.h"
#include "conf/spelling.h"
#include "conf/validate_admin.h"
#include "conf/validate_cluster.h"
#include "conf/validate_protocol.h"
#include "proxy/base/ascii.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace bonedry::conf {
namespace {

void check_secrets(const TableReader& server) {
  if (server.has("secrets") && server.has("secret_file")) {
    server.error("secret_file", "conflicts with secrets (" + line_of(server.place("secrets")) +
                                    "); set only one of the two");
  }
}

void check_not_empty(const TableReader& table, std::string_view key, std::string_view header) {
  if (!table.sound(key)) return;
  table.error(key, "missing; expected at least one " + std::string{header});
}

void check_listener_addresses(const Config& config, const Sections& sections) {
  FirstUses addresses;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const TableReader& table = sections.listeners[i];
    const Address& address = config.listeners[i].address;
    if (address.port == 0 || !table.sound("address")) continue;
    if (const auto first = addresses.add(to_string(address), table.place("address"))) {
      table.error("address", quote(to_string(address)) +
                                 " is already the address of the listener at " + line_of(*first) +
                                 "; choose another");
    }
  }
}

/// The addresses on which a listener takes the connections to `address` as well. One on "::" takes
/// IPv4, too.
std::vector<Address> wider(const Address& address) {
  std::vector<Address> all;
  const bool v4 = address.host.find(':') == std::string::npos;
  if (address.host != "::") all.push_back({"::", address.port});
  if (v4 && address.host != "0.0.0.0") all.push_back({"0.0.0.0", address.port});
  return all;
}

/// Finds listeners by their address.
class ListenerIndex {
 public:
  ListenerIndex(const Config& config, const Sections& sections) {
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      const TableReader& table = sections.listeners[i];
      const Address& address = config.listeners[i].address;
      if (address.port == 0 || !table.sound("address")) continue;
      places_.try_emplace(to_string(address), table.place("address"));
    }
  }
  [[nodiscard]] const Place* find(const Address& address) const {
    const auto found = places_.find(to_string(address));
    return found == places_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, Place> places_;
};

void check_wildcards(const Config& config, const Sections& sections, const ListenerIndex& index) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const TableReader& table = sections.listeners[i];
    const Address& address = config.listeners[i].address;
    if (!table.sound("address")) continue;
    for (const Address& wide : wider(address)) {
      const Place* const place = index.find(wide);
      if (place == nullptr) continue;
      table.error("address", quote(to_string(wide)) + " (" + line_of(*place) +
                                 ") takes the connections to " + quote(to_string(address)) +
                                 " as well; remove one of the two");
      break;
    }
  }
}

/// The listener that connections to `node` reach, as far as the addresses tell.
const Place* listener_at(const Address& node, const ListenerIndex& index) {
  if (const Place* const same = index.find(node)) return same;
  if (!node.host.starts_with("127.") && node.host != "::1") return nullptr;
  for (const Address& wide : wider(node)) {
    if (const Place* const place = index.find(wide)) return place;
  }
  return nullptr;
}

void check_nodes_are_not_listeners(const Config& config, const Sections& sections,
                                   const ListenerIndex& index) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    for (std::size_t j = 0; j < config.pools[i].nodes.size(); ++j) {
      const Address& address = config.pools[i].nodes[j].address;
      const TableReader& table = sections.pools[i].nodes[j];
      const Place* const place = table.sound("address") ? listener_at(address, index) : nullptr;
      if (place == nullptr) continue;
      table.warning("address", quote(to_string(address)) + " is the listener at " +
                                   line_of(*place) +
                                   ": bonedry would send these requests to itself");
    }
  }
}

void check_pools_are_used(const Config& config, const Sections& sections) {
  std::set<std::string_view> used;
  for (const Listener& listener : config.listeners) used.insert(listener.pool);
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const TableReader& table = sections.pools[i].pool;
    if (!table.sound("name") || used.contains(config.pools[i].name)) continue;
    table.warning("name", "no listener names this pool, so it gets no requests");
  }
}

void check_listener_pools(const Config& config, const Sections& sections) {
  const auto named = [](const PoolSections& pool) { return pool.pool.sound("name"); };
  if (config.pools.empty() || !std::ranges::all_of(sections.pools, named)) return;
  std::vector<std::string_view> names;
  for (const Pool& pool : config.pools) names.push_back(pool.name);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const TableReader& table = sections.listeners[i];
    const std::string& wanted = config.listeners[i].pool;
    if (!table.has("pool") || !table.sound("pool") ||
        std::ranges::find(names, wanted) != names.end())
      continue;
    const auto meant = nearest(wanted, names);
    const std::string advice =
        meant ? "did you mean " + quote(*meant) + "?" : "expected one of: " + join(names);
    table.error("pool", "unknown pool " + quote(wanted) + "; " + advice);
  }
}

// A peer that may send the PROXY header can claim any client address.
void check_proxy_protocol(const Config& config, const Sections& sections) {
  if (sections.server.has("trusted_proxies")) return;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    if (!config.listeners[i].proxy_protocol) continue;
    sections.listeners[i].error("proxy_protocol",
                                "no proxy is trusted to send the PROXY header; set trusted_proxies "
                                "in [server]");
  }
}

void check_destination(const TableReader& table) {
  if (!table.has("pool") && !table.has("redirect")) {
    table.error("pool",
                R"(required, but missing; a listener without a pool has redirect = "https")");
  }
  if (table.has("pool") && table.has("redirect")) {
    table.error("redirect", "conflicts with pool (" + line_of(table.place("pool")) +
                                "); set only one of the two");
  }
}

/// Keys that are for clients which do not speak TLS yet.
void check_is_plain(const TableReader& table) {
  for (const std::string_view key : {"redirect", "acme_challenges"}) {
    if (!table.has(key)) continue;
    table.error(key, "conflicts with [listener.tls] (" + line_of(table.place("tls")) +
                         "); set it for a listener without TLS");
  }
  if (table.has("alpn"))
    table.error("alpn", "belongs in [listener.tls] (" + line_of(table.place("tls")) + ")");
}

void check_listeners(const Sections& sections) {
  for (std::size_t i = 0; i < sections.listeners.size(); ++i) {
    check_destination(sections.listeners[i]);
    if (sections.listener_tls[i].written()) check_is_plain(sections.listeners[i]);
  }
}

void check_listener_tls(const ListenerTls& tls, const TableReader& table) {
  if (tls.certificates.empty() && table.sound("certificates")) {
    table.error("certificates", "missing; expected at least one certificate and its key");
  }
  const bool verifies = tls.client_certificates != ClientCertificates::none;
  if (verifies && tls.client_ca.path.empty() && table.sound("client_ca")) {
    table.error("client_certificates", "no CA is trusted to issue them; set client_ca");
  }
  if (!verifies && !tls.client_ca.path.empty() && table.sound("client_certificates")) {
    table.warning("client_ca", R"(ignored: client_certificates is "none")");
  }
  if (!verifies && tls.client_cert_chain && table.sound("client_certificates")) {
    table.warning("client_cert_chain", R"(ignored: client_certificates is "none")");
  }
}

void check_tls(const Config& config, const Sections& sections) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& tls = config.listeners[i].tls;
    if (tls) check_listener_tls(*tls, sections.listener_tls[i]);
  }
  const auto& http = config.admin.http;
  if (http && http->tls) check_listener_tls(*http->tls, sections.admin_tls);
}

void check_pool_tls(const PoolTls& tls, const TableReader& table) {
  if (tls.certificate && tls.certificate->certificate.empty() && table.sound("certificate")) {
    table.error("key", "it has no certificate; set certificate, too");
  }
  if (tls.certificate && tls.certificate->key.empty() && table.sound("key")) {
    table.error("certificate", "it has no key; set key, too");
  }
  if (!tls.verify && !tls.ca.path.empty()) table.warning("ca", "ignored: verify is false");
  if (tls.verify) return;
  table.warning("verify",
                "anyone who can answer for a node can read and change what users send; "
                "set ca to what has issued the nodes' certificates, and remove this key");
}

void check_pool_names(const Config& config, const Sections& sections) {
  FirstUses names;
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const TableReader& table = sections.pools[i].pool;
    if (!table.sound("name")) continue;
    if (const auto first = names.add(config.pools[i].name, table.place("name"))) {
      table.error("name", quote(config.pools[i].name) + " is already the name of the pool at " +
                              line_of(*first) + "; choose another");
    }
  }
}

void check_nodes(const Pool& pool, const std::vector<TableReader>& tables) {
  FirstUses names;
  FirstUses addresses;
  for (std::size_t i = 0; i < pool.nodes.size(); ++i) {
    const Node& node = pool.nodes[i];
    const TableReader& table = tables[i];
    const auto first_name =
        table.sound("name") ? names.add(node.name, table.place("name")) : std::nullopt;
    if (first_name) {
      table.error("name", quote(node.name) + " is already the name of the node at " +
                              line_of(*first_name) + "; choose another");
    }
    if (!table.sound("address")) continue;
    if (const auto first = addresses.add(to_string(node.address), table.place("address"))) {
      table.warning("address", quote(to_string(node.address)) +
                                   " is also the address of the node at " + line_of(*first));
    }
  }
}

// `switch` has to know for every node whether it is of the group that gets the users.
void check_groups(const Pool& pool, const std::vector<TableReader>& tables) {
  const auto grouped = std::ranges::find_if_not(pool.nodes, &std::string::empty, &Node::group);
  if (grouped == pool.nodes.end()) return;
  for (std::size_t i = 0; i < pool.nodes.size(); ++i) {
    if (!pool.nodes[i].group.empty() || !tables[i].sound("group")) continue;
    tables[i].error("group", "is missing, but node " + quote(grouped->name) + " is in group " +
                                 quote(grouped->group) +
                                 "; either all nodes of a pool are in a group, or none");
  }
}

// A cookie with an earlier name must lead to one node.
void check_earlier_names(const Pool& pool, const std::vector<TableReader>& tables) {
  FirstUses earlier;
  for (std::size_t i = 0; i < pool.nodes.size(); ++i) {
    if (!tables[i].sound("formerly")) continue;
    for (const std::string& name : pool.nodes[i].formerly) {
      if (std::ranges::find(pool.nodes, name, &Node::name) != pool.nodes.end()) {
        tables[i].error("formerly", quote(name) +
                                        " is the name of a node of this pool; expected "
                                        "a name that is no longer in use");
      } else if (const auto first = earlier.add(name, tables[i].place("formerly"))) {
        tables[i].error("formerly", quote(name) + " is already an earlier name at " +
                                        line_of(*first) + "; expected one that is only here");
      }
    }
  }
}

void check_session_times(const Session& session, const TableReader& table) {
  const std::string idle = quote(format_duration(session.idle_timeout));
  if (!table.sound("idle_timeout")) return;
  if (table.sound("max_lifetime") && session.idle_timeout > session.max_lifetime) {
    const std::string_view culprit = table.has("idle_timeout") ? "idle_timeout" : "max_lifetime";
    table.error(culprit, "idle_timeout " + idle + " is longer than max_lifetime " +
                             quote(format_duration(session.max_lifetime)) + "; it must not be");
  }
  if (table.sound("pending_timeout") && session.pending_timeout < session.idle_timeout) {
    table.warning("pending_timeout",
                  quote(format_duration(session.pending_timeout)) +
                      " is shorter than idle_timeout " + idle +
                      ": users whose cookie has not come back by then are no "
                      "longer counted, and a node may be reported dry too early");
  }
}

bool has_prefix(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() &&
         ascii::equal_ignoring_case(name.substr(0, prefix.size()), prefix);
}

bool same_name(std::string_view one, std::string_view other) {
  return ascii::equal_ignoring_case(one, other);
}

// A guard that needs --force for every bleed protects nothing.
void check_min_active(const Pool& pool, const TableReader& table) {
  if (!table.has("min_active") || !table.sound("min_active")) return;
  const auto weighted =
      std::ranges::count_if(pool.nodes, [](const Node& n) { return n.weight > 0; });
  if (pool.nodes.empty() || std::cmp_less_equal(pool.min_active, weighted)) return;
  table.warning("min_active", std::to_string(pool.min_active) + " is more than the " +
                                  std::to_string(weighted) +
                                  " nodes with a weight above 0: every bleed and maintain will "
                                  "need --force");
}

void check_weights(const Pool& pool, const PoolSections& sections) {
  const auto weightless = [](const Node& node) { return node.weight == 0; };
  if (pool.nodes.empty() || !std::ranges::all_of(pool.nodes, weightless)) return;
  sections.pool.warning("node", "all weights are 0: every node bleeds, and new users get 503");
}

// RFC 6265bis, 5.7: limits name and value together.
constexpr std::size_t kMaxCookieName = 4096 - 60;

/// What browsers require of cookies with certain name prefixes, which they compare without regard
/// to case (RFC 6265bis, 4.1.3).
void check_cookie_prefix(const Session& session, const TableReader& table) {
  if (!table.sound("cookie_secure")) return;
  const CookieAttributes& attributes = session.attributes;
  const bool secure = attributes.secure == Secure::always;
  const bool host_only = secure && attributes.path == "/" && attributes.domain.empty();
  struct Demand {
    std::string_view prefix;
    bool met;
    std::string_view needs;
  };
  const std::array<Demand, 4> demands{{
      {"__Secure-", secure, R"(cookie_secure = "always")"},
      {"__Http-", secure && attributes.http_only,
       R"(cookie_secure = "always" and cookie_http_only = true)"},
      {"__Host-Http-", host_only && attributes.http_only,
       R"(cookie_secure = "always", cookie_http_only = true, cookie_path = "/" and no )"
       "cookie_domain"},
      {"__Host-", host_only, R"(cookie_secure = "always", cookie_path = "/" and no cookie_domain)"},
  }};
  const auto* const demand = std::ranges::find_if(
      demands, [&session](const Demand& one) { return has_prefix(session.cookie, one.prefix); });
  if (demand == demands.end() || demand->met) return;
  table.error("cookie", "browsers reject a " + quote(demand->prefix) + " cookie without " +
                            std::string{demand->needs});
}

// Browsers drop such cookies (RFC 6265bis), and then no session is sticky.
void check_cookie(const Session& session, const TableReader& table) {
  if (session.sticky != Sticky::insert) return;
  const CookieAttributes& attributes = session.attributes;
  const bool secure = attributes.secure == Secure::always;
  if (attributes.same_site == SameSite::none && !secure && table.sound("cookie_secure")) {
    table.error("cookie_same_site", R"(browsers reject "none" without cookie_secure = "always")");
  }
  check_cookie_prefix(session, table);
  if (session.cookie.size() > kMaxCookieName) {
    table.error("cookie", "browsers reject a name this long; expected at most " +
                              std::to_string(kMaxCookieName) + " characters");
  }
}

/// Whether no browser sends cookies of both scopes with one request: neither domain is within the
/// other (RFC 6265, 5.1.3), or neither path is (5.1.4). An empty domain may be any host.
bool exclude_each_other(const CookieAttributes& one, const CookieAttributes& other) {
  const auto lowered = [](std::string domain) {
    std::ranges::transform(domain, domain.begin(), ascii::to_lower);
    return domain.starts_with('.') ? domain : "." + domain;
  };
  const auto directory = [](const std::string& path) {
    return path.ends_with('/') ? path : path + "/";
  };
  const std::string path = directory(one.path);
  const std::string other_path = directory(other.path);
  if (!path.starts_with(other_path) && !other_path.starts_with(path)) return true;
  if (one.domain.empty() || other.domain.empty()) return false;
  const std::string domain = lowered(one.domain);
  const std::string other_domain = lowered(other.domain);
  return !domain.ends_with(other_domain) && !other_domain.ends_with(domain);
}

/// Whether the cookies of one pool would overwrite those of the other. Two pools may learn from one
/// cookie: it is the application's, and neither sets it.
bool share_cookie(const Session& one, const Session& other) {
  if (one.sticky == Sticky::none || other.sticky == Sticky::none) return false;
  if (one.sticky == Sticky::learn && other.sticky == Sticky::learn) return false;
  return one.cookie == other.cookie && !exclude_each_other(one.attributes, other.attributes);
}

// Browsers send cookies to all ports of a host (RFC 6265, 8.5), and the hosts of future requests
// are unknown.
void check_cookie_names(const Config& config, const Sections& sections) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const TableReader& table = sections.pools[i].session;
    for (std::size_t j = 0; j < i; ++j) {
      const TableReader& first = sections.pools[j].session;
      if (!table.sound("cookie") || !first.sound("cookie")) continue;
      if (!share_cookie(config.pools[j].session, config.pools[i].session)) continue;
      table.error("cookie", quote(config.pools[i].session.cookie) +
                                " is already the cookie of the pool at " +
                                line_of(sections.pools[j].pool.place("name")) +
                                ", and browsers send it to all ports of a host; choose another");
      break;
    }
  }
}

// A learned cookie belongs to the application, which alone sets its attributes.
void check_learned_cookie(const Session& session, const TableReader& table) {
  if (session.sticky != Sticky::learn) return;
  if (!table.has("cookie")) {
    table.error("cookie", R"(required with sticky = "learn", but missing)");
  }
  for (const std::string_view key : {"cookie_path", "cookie_domain", "cookie_http_only",
                                     "cookie_same_site", "cookie_secure", "cookie_cache"}) {
    if (table.has(key)) {
      table.error(key, R"(not allowed with sticky = "learn", which does not change the )"
                       "application's cookie; remove this key");
    }
  }
  if (table.has("logout_cookie")) {
    table.error("logout_cookie", R"(not allowed with sticky = "learn", where clearing "cookie" )"
                                 "ends the session; remove this key");
  }
}

void check_pass_cookie(const Session& session, const TableReader& table) {
  if (session.sticky == Sticky::none || !table.sound("cookie")) return;
  if (!session.cookie.starts_with(kPassCookiePrefix)) return;
  table.error("cookie", "names that begin with " + quote(kPassCookiePrefix) +
                            " are those of cookies with passes; choose another");
}

void check_renewal(const Session& session, const TableReader& table) {
  if (session.sticky == Sticky::learn || !table.has("renewal_grace")) return;
  table.warning("renewal_grace", R"(ignored: has an effect only with sticky = "learn")");
}

/// Fields of ordinary responses: of framing and connections (RFC 9110, 7.6.1), of cookies, and
/// those that servers and frameworks add to every response.
constexpr auto kOrdinaryFields = std::to_array<std::string_view>({"Accept-Ranges",
                                                                  "Age",
                                                                  "Allow",
                                                                  "Alt-Svc",
                                                                  "Cache-Control",
                                                                  "Connection",
                                                                  "Cookie",
                                                                  "Date",
                                                                  "ETag",
                                                                  "Expires",
                                                                  "Keep-Alive",
                                                                  "Last-Modified",
                                                                  "Link",
                                                                  "Location",
                                                                  "NEL",
                                                                  "Permissions-Policy",
                                                                  "Pragma",
                                                                  "Proxy-Authenticate",
                                                                  "Proxy-Authentication-Info",
                                                                  "Proxy-Connection",
                                                                  "Referrer-Policy",
                                                                  "Report-To",
                                                                  "Reporting-Endpoints",
                                                                  "Retry-After",
                                                                  "Server",
                                                                  "Server-Timing",
                                                                  "Set-Cookie",
                                                                  "Set-Cookie2",
                                                                  "Strict-Transport-Security",
                                                                  "TE",
                                                                  "Trailer",
                                                                  "Transfer-Encoding",
                                                                  "Upgrade",
                                                                  "Vary",
                                                                  "Via",
                                                                  "WWW-Authenticate",
                                                                  "X-Content-Type-Options",
                                                                  "X-Frame-Options",
                                                                  "X-Powered-By",
                                                                  "X-Request-Id",
                                                                  "X-Runtime",
                                                                  "X-XSS-Protection"});
constexpr auto kOrdinaryFamilies =
    std::to_array<std::string_view>({"Access-Control-", "Content-", "Cross-Origin-"});

bool is_ordinary_field(std::string_view name) {
  return std::ranges::any_of(kOrdinaryFields,
                             [name](std::string_view one) { return same_name(name, one); }) ||
         std::ranges::any_of(kOrdinaryFamilies,
                             [name](std::string_view one) { return has_prefix(name, one); });
}

// An ordinary field would end sessions that are still in use, and their node would be called dry
// too early.
void check_logout_header(const Session& session, const TableReader& table) {
  if (session.sticky == Sticky::none || !table.sound("logout_header")) return;
  if (!is_ordinary_field(session.logout_header)) return;
  table.error("logout_header", quote(session.logout_header) +
                                   " is a common response header, so that ordinary responses would "
                                   "end sessions; use one of the application's own, e.g. "
                                   R"("X-Logged-Out")");
}

void check_logout(const Session& session, const TableReader& table) {
  for (const std::string_view key : {"logout", "logout_header", "logout_cookie"}) {
    if (session.sticky == Sticky::none && table.has(key)) {
      table.warning(key, R"(ignored: with sticky = "none" there are no sessions to end)");
    }
  }
  if (session.sticky == Sticky::insert && !session.logout_cookie.empty() &&
      session.logout_cookie == session.cookie && table.sound("logout_cookie")) {
    table.error("logout_cookie", quote(session.logout_cookie) +
                                     " is bonedry's own cookie; expected the application's cookie");
  }
}

void check_exempt(const Session& session, const TableReader& table) {
  if (session.sticky != Sticky::none || !table.has("exempt")) return;
  table.warning("exempt", R"(ignored: with sticky = "none" no request begins a session)");
}

void check_pool(const Pool& pool, const PoolSections& sections) {
  if (pool.nodes.empty()) check_not_empty(sections.pool, "node", "[[pool.node]]");
  check_nodes(pool, sections.nodes);
  check_groups(pool, sections.nodes);
  check_earlier_names(pool, sections.nodes);
  check_weights(pool, sections);
  check_min_active(pool, sections.pool);
  check_session_times(pool.session, sections.session);
  check_cookie(pool.session, sections.session);
  check_learned_cookie(pool.session, sections.session);
  check_pass_cookie(pool.session, sections.session);
  check_renewal(pool.session, sections.session);
  check_logout(pool.session, sections.session);
  check_logout_header(pool.session, sections.session);
  check_exempt(pool.session, sections.session);
  check_protocol(pool, sections);
  if (pool.tls) check_pool_tls(*pool.tls, sections.tls);
}

}  // namespace

void validate(const Config& config, const Sections& sections) {
  check_secrets(sections.server);
  validate_admin(config, sections);
  validate_cluster(config, sections);
  if (config.listeners.empty()) check_not_empty(sections.root, "listener", "[[listener]]");
  if (config.pools.empty()) check_not_empty(sections.root, "pool", "[[pool]]");
  check_listener_addresses(config, sections);
  const ListenerIndex listeners(config, sections);
  check_wildcards(config, sections, listeners);
  check_nodes_are_not_listeners(config, sections, listeners);
  check_listener_pools(config, sections);
  check_listeners(sections);
  check_proxy_protocol(config, sections);
  check_tls(config, sections);
  check_pool_names(config, sections);
  check_pools_are_used(config, sections);
  check_cookie_names(config, sections);
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    check_pool(config.pools[i], sections.pools[i]);
  }
}

}  // namespace bonedry::conf
