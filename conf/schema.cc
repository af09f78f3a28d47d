#include "conf/schema.h"

#include "conf/values.h"

#include <unistd.h>

#include <array>
#include <limits>

namespace bonedry::conf {
namespace {

constexpr std::int64_t kUnsignedMost = std::numeric_limits<unsigned>::max();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TableReader read_server(TableReader table, Server& server) {
  const Choice<UnderscoreNames> underscore_names{{"drop", UnderscoreNames::drop},
                                                 {"pass", UnderscoreNames::pass},
                                                 {"refuse", UnderscoreNames::refuse}};
  table.read("workers", server.workers, integer<unsigned>(0, 256));
  table.read("state_dir", server.state_dir, file_path);
  table.read_each("secrets", server.secrets, secret);
  table.read("secret_file", server.secret_file, file_path);
  table.read_each("trusted_proxies", server.trusted_proxies, network);
  table.read("underscore_names", server.underscore_names, underscore_names);
  table.finish();
  return table;
}

AdminToken read_token(TableReader& table) {
  AdminToken token;
  table.require("name", token.name, name);
  table.read("token", token.digest, admin_token);
  table.read("token_file", token.file, file_path);
  table.read_each("scope", token.scopes, token_scope);
  if (!table.has("scope")) table.error("scope", "required, but missing");
  table.finish();
  return token;
}

TableReader read_hooks(TableReader table, Hooks& hooks) {
  table.read("timeout", hooks.timeout, positive_duration);
  for (std::size_t event = 0; event < kHookEvents; ++event) {
    table.read_each(kHookEventNames[event], hooks.commands[event], command_word);
  }
  table.finish();
  return table;
}

void read_log(TableReader table, Log& log) {
  const Choice<LogLevel> level{{"debug", LogLevel::debug},
                               {"info", LogLevel::info},
                               {"warn", LogLevel::warn},
                               {"error", LogLevel::error}};
  const Choice<AccessFormat> format{{"json", AccessFormat::json},
                                    {"combined", AccessFormat::combined}};
  const Choice<SyslogFacility> facility{
      {"daemon", SyslogFacility::daemon}, {"user", SyslogFacility::user},
      {"local0", SyslogFacility::local0}, {"local1", SyslogFacility::local1},
      {"local2", SyslogFacility::local2}, {"local3", SyslogFacility::local3},
      {"local4", SyslogFacility::local4}, {"local5", SyslogFacility::local5},
      {"local6", SyslogFacility::local6}, {"local7", SyslogFacility::local7}};
  const Choice<RequestId> request_id{
      {"off", RequestId::off}, {"forward", RequestId::forward}, {"respond", RequestId::respond}};
  table.read("level", log.level, level);
  table.read("access", log.access, file_path);
  table.read("format", log.format, format);
  table.read("facility", log.facility, facility);
  table.read("request_id", log.request_id, request_id);
  table.finish();
}

void read_limits(TableReader table, Limits& limits) {
  table.read("header_bytes", limits.header_bytes, integer<std::size_t>(1024, 1'048'576));
  table.read("headers", limits.headers, integer<std::size_t>(1, 1000));
  table.read("body_bytes", limits.body_bytes, integer<std::uint64_t>(0, kMax));
  table.read("connections", limits.connections, integer<std::size_t>(0, kMax));
  table.read("connections_per_client", limits.connections_per_client,
             integer<std::size_t>(0, kMax));
  table.read("requests_per_connection", limits.requests_per_connection,
             integer<std::uint64_t>(0, kMax));
  table.finish();
}

void read_timeouts(TableReader table, Timeouts& timeouts) {
  table.read("handshake", timeouts.handshake, positive_duration);
  table.read("header", timeouts.header, positive_duration);
  table.read("idle", timeouts.idle, positive_duration);
  table.read("connect", timeouts.connect, positive_duration);
  table.read("queue", timeouts.queue, positive_duration);
  table.read("response", timeouts.response, positive_duration);
  table.read("stall", timeouts.stall, positive_duration);
  table.read("tunnel", timeouts.tunnel, positive_duration);
  table.read("shutdown_delay", timeouts.shutdown_delay, duration);
  table.read("shutdown", timeouts.shutdown, positive_duration);
  table.finish();
}

void read_ledger(TableReader table, Ledger& ledger) {
  table.read("sessions", ledger.sessions, integer<std::size_t>(1, 100'000'000));
  table.read("last_requests", ledger.last_requests, boolean);
  table.finish();
}

/// Empty: it cannot be the name of a member.
std::string host_name() {
  std::array<char, 256> text{};
  if (::gethostname(text.data(), text.size() - 1) != 0 || !is_name(text.data())) return "";
  return text.data();
}

TableReader read_cluster(TableReader table, std::optional<Cluster>& target) {
  if (!table.written()) return table;
  Cluster& cluster = target.emplace();
  cluster.name = host_name();
  table.read("name", cluster.name, name);
  table.read("members", cluster.members, integer<unsigned>(1, 100));
  table.require("store", cluster.store, store_url);
  table.read_list("sentinels", cluster.sentinels, node_address);
  table.read("username", cluster.username, user_name_or_nothing);
  table.read("password_file", cluster.password_file, file_path_or_nothing);
  table.read("prefix", cluster.prefix, name);
  table.read("silent_after", cluster.silent_after, positive_duration);
  table.read("forget_after", cluster.forget_after, duration);
  table.finish();
  return table;
}

/// Nothing if TLS is not written.
std::optional<ListenerTls> read_listener_tls(TableReader& table) {
  const Choice<TlsVersion> version{{"1.2", TlsVersion::tls_1_2}, {"1.3", TlsVersion::tls_1_3}};
  const Choice<ClientCertificates> clients{{"none", ClientCertificates::none},
                                           {"optional", ClientCertificates::optional},
                                           {"required", ClientCertificates::required}};
  if (!table.written()) return std::nullopt;
  ListenerTls tls;
  for (TableReader& one : table.tables("certificates")) {
    Certificate& certificate = tls.certificates.emplace_back();
    one.require("certificate", certificate.certificate, file_path);
    one.require("key", certificate.key, file_path);
    one.finish();
  }
  table.read("minimum_version", tls.minimum_version, version);
  table.read("ciphers", tls.ciphers, cipher_list);
  table.read("cipher_suites", tls.cipher_suites, cipher_list);
  table.read("groups", tls.groups, cipher_list);
  table.read_each("alpn", tls.alpn, Word{"h2", "http/1.1"});
  table.read("client_certificates", tls.client_certificates, clients);
  table.read("client_ca", tls.client_ca.path, file_path_or_nothing);
  table.read("ocsp_response", tls.ocsp_response.path, file_path_or_nothing);
  table.read("client_cert_chain", tls.client_cert_chain, boolean);
  table.read("strict_sni", tls.strict_sni, boolean);
  table.read("strict_host", tls.strict_host, boolean);
  table.read("hsts", tls.hsts, duration);
  table.finish();
  return tls;
}

struct AdminSections {
  TableReader admin;
  TableReader tls;
  std::vector<TableReader> tokens;
};

AdminSections read_admin(TableReader table, Admin& admin) {
  const Choice<WithoutToken> without_token{{"operate", WithoutToken::operate},
                                           {"read", WithoutToken::read},
                                           {"none", WithoutToken::none}};
  AdminHttp http;
  table.read("socket", admin.socket, socket_path);
  table.read("bleed_warning", admin.bleed_warning, duration);
  table.read("without_token", admin.without_token, without_token);
  table.read("http", http, http_door_address);
  TableReader tls = table.table("tls");
  http.tls = read_listener_tls(tls);
  if (http.tls) http.tls->alpn = {"http/1.1"};
  if (table.has("http")) admin.http = std::move(http);
  std::vector<TableReader> tokens = table.tables("token");
  for (TableReader& token : tokens) admin.tokens.push_back(read_token(token));
  table.finish();
  return {std::move(table), std::move(tls), std::move(tokens)};
}

Listener read_listener(TableReader& table, std::vector<TableReader>& tls_sections) {
  const Choice<Redirect> redirect{{"https", Redirect::https}};
  Listener listener;
  table.require("address", listener.address, listen_address);
  table.read("pool", listener.pool, reference);
  table.read("redirect", listener.redirect, redirect);
  table.read("acme_challenges", listener.acme_challenges, file_path);
  table.read("health_path", listener.health_path, path_without_query);
  table.read("proxy_protocol", listener.proxy_protocol, boolean);
  table.read_each("alpn", listener.alpn, Word{"h2c", "http/1.1"});
  listener.tls = read_listener_tls(tls_sections.emplace_back(table.table("tls")));
  table.finish();
  return listener;
}

void read_cookie_attributes(TableReader& session, CookieAttributes& attributes) {
  const Choice<SameSite> same_site{
      {"lax", SameSite::lax}, {"strict", SameSite::strict}, {"none", SameSite::none}};
  const Choice<Secure> secure{
      {"auto", Secure::automatic}, {"always", Secure::always}, {"never", Secure::never}};
  const Choice<CookieCache> cache{{"private", CookieCache::make_private},
                                  {"no-cache", CookieCache::no_cache},
                                  {"as-is", CookieCache::as_is}};
  session.read("cookie_path", attributes.path, cookie_path);
  session.read("cookie_domain", attributes.domain, cookie_domain);
  session.read("cookie_http_only", attributes.http_only, boolean);
  session.read("cookie_same_site", attributes.same_site, same_site);
  session.read("cookie_secure", attributes.secure, secure);
  session.read("cookie_cache", attributes.cache, cache);
}

void read_logout(TableReader& table, Session& session) {
  for (TableReader& logout : table.tables("logout")) {
    Logout& rule = session.logout.emplace_back();
    logout.require("method", rule.method, token);
    logout.require("path", rule.path, path_without_query);
    logout.finish();
  }
  table.read("logout_header", session.logout_header, token_or_nothing);
  table.read("logout_cookie", session.logout_cookie, token_or_nothing);
}

// A request without a session is compared with each of them.
constexpr std::size_t kMaxExemptions = 64;

void read_exempt(TableReader& table, Session& session) {
  std::vector<TableReader> entries = table.tables("exempt");
  if (entries.size() > kMaxExemptions) {
    table.error("exempt", std::to_string(entries.size()) + " entries; expected at most " +
                              std::to_string(kMaxExemptions));
  }
  for (TableReader& entry : entries) {
    Exemption& exemption = session.exempt.emplace_back();
    entry.read("method", exemption.method, token);
    entry.read("path", exemption.path, path_pattern);
    entry.read("user_agent", exemption.user_agent, user_agent_pattern);
    entry.read("client", exemption.client, part_of_internet);
    entry.finish();
    if (entry.empty()) {
      entry.error(
          "empty, so that no request would begin a session; expected at least one of "
          "method, path, user_agent, client");
    }
  }
}

TableReader read_session(TableReader table, Session& session) {
  const Choice<OnLost> on_lost{{"rescue", OnLost::rescue}, {"fail", OnLost::fail}};
  const Choice<Sticky> sticky{
      {"insert", Sticky::insert}, {"learn", Sticky::learn}, {"none", Sticky::none}};
  table.read("sticky", session.sticky, sticky);
  table.read("cookie", session.cookie, token);
  read_cookie_attributes(table, session.attributes);
  table.read("idle_timeout", session.idle_timeout, positive_duration);
  session.pending_timeout = session.idle_timeout;
  table.read("pending_timeout", session.pending_timeout, positive_duration);
  table.read("max_lifetime", session.max_lifetime, positive_duration);
  table.read("renewal_grace", session.renewal_grace, positive_duration);
  table.read("on_lost", session.on_lost, on_lost);
  read_logout(table, session);
  read_exempt(table, session);
  table.finish();
  return table;
}

TableReader read_health(TableReader table, Health& health) {
  health.active = table.written();
  table.read("path", health.path, url_path);
  std::string grpc;
  table.read("grpc", grpc, grpc_service);
  if (table.has("grpc")) health.grpc = std::move(grpc);
  table.read("interval", health.interval, positive_duration);
  table.read("timeout", health.timeout, positive_duration);
  table.read("rise", health.rise, integer<unsigned>(1, kUnsignedMost));
  table.read("fall", health.fall, integer<unsigned>(1, kUnsignedMost));
  table.read("passive_failures", health.passive_failures, integer<unsigned>(0, kUnsignedMost));
  table.read("passive_hold", health.passive_hold, positive_duration);
  table.finish();
  return table;
}

TableReader read_pool_tls(TableReader table, std::optional<PoolTls>& tls) {
  if (!table.written()) return table;
  tls.emplace();
  table.read("verify", tls->verify, boolean);
  table.read("ca", tls->ca.path, file_path_or_nothing);
  table.read("server_name", tls->server_name, server_name);
  Certificate certificate;
  table.read("certificate", certificate.certificate, file_path_or_nothing);
  table.read("key", certificate.key, file_path_or_nothing);
  if (!certificate.certificate.empty() || !certificate.key.empty()) tls->certificate = certificate;
  table.finish();
  return table;
}

Node read_node(TableReader& table) {
  Node node;
  table.require("name", node.name, name);
  table.require("address", node.address, node_address);
  table.read("weight", node.weight, integer<unsigned>(0, 1000));
  table.read("max_sessions", node.max_sessions, integer<std::uint64_t>(0, kMax));
  table.read("max_connections", node.max_connections, integer<std::uint64_t>(0, kMax));
  table.read("max_waiting", node.max_waiting, integer<std::uint64_t>(0, kMax));
  table.read("group", node.group, name);
  table.read_list("formerly", node.formerly, name);
  table.finish();
  return node;
}

PoolSections read_pool(TableReader table, Pool& pool) {
  const Choice<Balance> balance{{"least-sessions", Balance::least_sessions},
                                {"round-robin", Balance::round_robin},
                                {"least-exchanges", Balance::least_exchanges},
                                {"random", Balance::random}};
  const Choice<NodeProtocol> protocol{{"h1", NodeProtocol::h1}, {"h2", NodeProtocol::h2}};
  const Choice<ProxyProtocol> proxy_protocol{
      {"off", ProxyProtocol::off}, {"v1", ProxyProtocol::v1}, {"v2", ProxyProtocol::v2}};
  const Choice<ForwardedFields> forwarded{{"x-forwarded", ForwardedFields::x_forwarded},
                                          {"rfc7239", ForwardedFields::rfc7239},
                                          {"both", ForwardedFields::both}};
  const Choice<OnClientGone> on_client_gone{{"abort", OnClientGone::abort},
                                            {"finish", OnClientGone::finish}};
  table.require("name", pool.name, name);
  table.read("balance", pool.balance, balance);
  table.read("min_active", pool.min_active, integer<unsigned>(0, kUnsignedMost));
  table.read("slow_start", pool.slow_start, duration);
  table.read("retry_percent", pool.retry_percent, integer<unsigned>(0, 100));
  table.read_list("upgrades", pool.upgrades, upgrade_protocol);
  table.read("protocol", pool.protocol, protocol);
  table.read("streams_per_connection", pool.streams_per_connection, integer<unsigned>(1, 1000));
  table.read("proxy_protocol", pool.proxy_protocol, proxy_protocol);
  table.read("reuse", pool.reuse, duration_or_never);
  table.read("forwarded", pool.forwarded, forwarded);
  table.read("on_client_gone", pool.on_client_gone, on_client_gone);
  TableReader session = read_session(table.table("session"), pool.session);
  TableReader health = read_health(table.table("health"), pool.health);
  TableReader tls = read_pool_tls(table.table("tls"), pool.tls);
  std::vector<TableReader> nodes = table.tables("node");
  for (TableReader& node : nodes) pool.nodes.push_back(read_node(node));
  table.finish();
  return {std::move(table), std::move(session), std::move(health), std::move(tls),
          std::move(nodes)};
}

/// Browsers send cookies to all ports of a host (RFC 6265, 8.5), so pools must not share a name by
/// default. The first pool keeps the plain name: its users keep their sessions when a reload adds a
/// second pool after it.
void name_cookies(std::vector<Pool>& pools, const std::vector<PoolSections>& sections) {
  bool first = true;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    Session& session = pools[i].session;
    if (sections[i].session.has("cookie")) session.cookie_named = NameSource::in_file;
    if (session.sticky != Sticky::insert) continue;
    const bool plain = first || session.cookie_named == NameSource::in_file;
    if (!plain) session.cookie += "-" + pools[i].name;
    first = false;
  }
}

}  // namespace

Sections read_config(const Value& document, Config& config, Problems& problems) {
  TableReader root{document, problems};
  TableReader server = read_server(root.table("server"), config.server);
  AdminSections admin = read_admin(root.table("admin"), config.admin);
  TableReader hooks = read_hooks(root.table("hooks"), config.hooks);
  TableReader cluster = read_cluster(root.table("cluster"), config.cluster);
  read_log(root.table("log"), config.log);
  read_limits(root.table("limits"), config.limits);
  read_timeouts(root.table("timeouts"), config.timeouts);
  read_ledger(root.table("ledger"), config.ledger);
  std::vector<TableReader> listeners = root.tables("listener");
  std::vector<TableReader> listener_tls;
  for (TableReader& listener : listeners) {
    config.listeners.push_back(read_listener(listener, listener_tls));
  }
  std::vector<PoolSections> pools;
  for (TableReader& pool : root.tables("pool")) {
    pools.push_back(read_pool(std::move(pool), config.pools.emplace_back()));
  }
  name_cookies(config.pools, pools);
  root.finish();
  return {std::move(root),         std::move(server), std::move(admin.admin), std::move(admin.tls),
          std::move(admin.tokens), std::move(hooks),  std::move(cluster),     std::move(listeners),
          std::move(listener_tls), std::move(pools)};
}

}  // namespace bonedry::conf
