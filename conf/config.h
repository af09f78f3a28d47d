#pragma once

#include "conf/certificate.h"
#include "conf/network.h"
#include "conf/token_digest.h"
#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The validated config as plain values, as the operator wrote it, with defaults filled in.
/// docs/config.md explains each key to the operator; the loader is in loader.h.
namespace bonedry::conf {

/// A numeric IP address and a port. IPv6 is written "[::1]:8080".
struct Address {
  std::string host;  ///< numeric, without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;
};

/// "127.0.0.1:9001" or "[::1]:9001".
[[nodiscard]] std::string to_string(const Address& address);
/// Reads what to_string writes. The host comes back in its shortest form; names are not resolved.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

/// What to do with request fields whose names contain other characters than letters, digits and
/// '-'.
enum class UnderscoreNames : std::uint8_t { drop, pass, refuse };

struct Server {
  unsigned workers = 0;  ///< 0: one per core
  std::string state_dir = "/var/lib/bonedry";
  std::vector<std::string> secrets;      ///< the first seals, all open; empty: see secret_file
  std::string secret_file;               ///< one secret per line, the first seals; empty: generated
  std::vector<Network> trusted_proxies;  ///< trusted to describe their clients
  UnderscoreNames underscore_names = UnderscoreNames::drop;

  friend bool operator==(const Server&, const Server&) = default;
};

/// What a token may do; each scope adds to the others.
struct TokenScope {
  enum class Kind : std::uint8_t {
    read,     ///< ask for anything, change nothing
    bleed,    ///< bleed one node, and wait for it
    operate,  ///< everything
  };
  Kind kind = Kind::read;
  std::string pool = {};  ///< of `bleed`
  std::string node = {};  ///< of `bleed`

  friend bool operator==(const TokenScope&, const TokenScope&) = default;
};
/// "read", "bleed:shop/alice", "operate"
[[nodiscard]] std::string to_string(const TokenScope& scope);

/// A token of the admin interface.
struct AdminToken {
  std::string name;
  std::string file;    ///< that has the token; empty: it was in the config
  TokenDigest digest;  ///< of no token until the file has been read, see token_files.h
  std::vector<TokenScope> scopes;

  friend bool operator==(const AdminToken&, const AdminToken&) = default;
};

/// What those may do on the admin socket who show no token, unless they are root or the proxy's own
/// user.
enum class WithoutToken : std::uint8_t { operate, read, none };

/// Events that a command can be run for.
enum class HookEvent : std::uint8_t { dry, down, up, bleed, activate, bleed_warning };
constexpr std::size_t kHookEvents = 6;
/// As the config names them, in the order of HookEvent.
constexpr std::array<std::string_view, kHookEvents> kHookEventNames{
    "dry", "down", "up", "bleed", "activate", "bleed_warning"};

struct Hooks {
  Millis timeout = std::chrono::seconds{30};
  /// Program and arguments for each HookEvent; empty: nothing is run.
  std::array<std::vector<std::string>, kHookEvents> commands;

  [[nodiscard]] const std::vector<std::string>& command(HookEvent event) const {
    return commands[static_cast<std::size_t>(event)];
  }

  friend bool operator==(const Hooks&, const Hooks&) = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class AccessFormat : std::uint8_t { json, combined };
/// What is done with X-Request-Id.
enum class RequestId : std::uint8_t {
  off,      ///< nothing: a field like any other
  forward,  ///< every request has one, which is logged and sent to the node
  respond,  ///< the same, and it is sent to the client as well
};
/// RFC 5424, section 6.2.1: the numbers are those of the table there.
enum class SyslogFacility : std::uint8_t {
  user = 1,
  daemon = 3,
  local0 = 16,
  local1,
  local2,
  local3,
  local4,
  local5,
  local6,
  local7,
};

struct Log {
  LogLevel level = LogLevel::info;
  std::string access = "stdout";  ///< a path, "stdout", "syslog", "journald" or "off"
  AccessFormat format = AccessFormat::json;
  SyslogFacility facility = SyslogFacility::local0;  ///< of access = "syslog"
  RequestId request_id = RequestId::forward;

  friend bool operator==(const Log&, const Log&) = default;
};

struct Limits {
  std::size_t header_bytes = 32768;
  std::size_t headers = 100;
  std::uint64_t body_bytes = 0;               ///< of a request; 0: no limit
  std::size_t connections = 0;                ///< of clients; 0: as file descriptors allow
  std::size_t connections_per_client = 0;     ///< from one address; 0: no limit
  std::uint64_t requests_per_connection = 0;  ///< 0: no limit

  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Timeouts {
  Millis handshake = std::chrono::seconds{10};
  Millis header = std::chrono::seconds{10};
  Millis idle = std::chrono::seconds{75};
  Millis connect = std::chrono::seconds{3};
  Millis queue = std::chrono::seconds{5};
  Millis response = std::chrono::seconds{60};
  Millis stall = std::chrono::seconds{30};
  Millis tunnel = std::chrono::hours{1};
  Millis shutdown_delay{0};  ///< from the order to stop until no new connections are taken
  Millis shutdown = std::chrono::seconds{30};

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

struct Ledger {
  std::size_t sessions = 1'000'000;  ///< capacity, all pools together
  bool last_requests = false;        ///< whether `sessions` shows clients and paths

  friend bool operator==(const Ledger&, const Ledger&) = default;
};

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };
/// Whether clients show a certificate.
enum class ClientCertificates : std::uint8_t { none, optional, required };

/// A file of certificates, and its text once it has been read.
struct CertificateFile {
  std::string path;
  std::string text;  ///< PEM

  friend bool operator==(const CertificateFile&, const CertificateFile&) = default;
};

/// A file with an OCSP response (RFC 6960), and what it contained once it has been read and
/// checked; see proxy/tls/ocsp.h.
struct OcspFile {
  std::string path;             ///< empty: none
  std::string response;         ///< DER
  std::size_t certificate = 0;  ///< index of the listener's certificate that it is for
  WallTime this_update;         ///< it is valid from then
  WallTime next_update;         ///< until then

  friend bool operator==(const OcspFile&, const OcspFile&) = default;
};

/// How a listener speaks TLS.
struct ListenerTls {
  std::vector<Certificate> certificates;  ///< the first is for clients that ask for no other name
  TlsVersion minimum_version = TlsVersion::tls_1_2;
  std::string ciphers;        ///< of TLS 1.2; empty: Mozilla's intermediate list
  std::string cipher_suites;  ///< of TLS 1.3; empty: Mozilla's list
  std::string groups;         ///< empty: X25519, P-256, P-384, and hybrids where OpenSSL has them
  std::vector<std::string> alpn{"h2", "http/1.1"};
  ClientCertificates client_certificates = ClientCertificates::none;
  CertificateFile client_ca;
  bool client_cert_chain = false;  ///< nodes get the issuers of a client's certificate as well
  OcspFile ocsp_response;
  bool strict_sni = false;  ///< refuses clients that ask for no name that a certificate has
  /// Refuses requests for a host that the connection's certificate is not valid for.
  bool strict_host = false;
  Millis hsts{0};  ///< 0: no Strict-Transport-Security

  friend bool operator==(const ListenerTls&, const ListenerTls&) = default;
};

/// The HTTP door of the admin interface.
struct AdminHttp {
  std::string socket;  ///< path of a Unix socket; empty: `address`
  Address address;
  std::optional<ListenerTls> tls = std::nullopt;

  /// Whether only this machine reaches it, by TCP.
  [[nodiscard]] bool is_loopback() const;

  friend bool operator==(const AdminHttp&, const AdminHttp&) = default;
};

struct Admin {
  std::string socket = "/run/bonedry/admin.sock";
  /// A bleed that is older was probably forgotten; 0: none is. By default twice as long as any
  /// session lives by default, so that no user can be the reason.
  Millis bleed_warning = std::chrono::hours{24};
  WithoutToken without_token = WithoutToken::operate;
  std::optional<AdminHttp> http;
  std::vector<AdminToken> tokens;

  friend bool operator==(const Admin&, const Admin&) = default;
};

/// Where a listener redirects all of its requests.
enum class Redirect : std::uint8_t { no, https };

struct Listener {
  Address address;
  std::string pool;  ///< empty if it redirects
  Redirect redirect = Redirect::no;
  std::string acme_challenges = {};  ///< directory of responses to http-01; empty: none
  std::string health_path = {};      ///< where the proxy tells its own health; empty: nowhere
  bool proxy_protocol = false;       ///< connections begin with a PROXY header
  /// Without TLS: what clients may speak from the first byte on; "h2c" is HTTP/2.
  std::vector<std::string> alpn{"http/1.1"};
  std::optional<ListenerTls> tls = std::nullopt;

  friend bool operator==(const Listener&, const Listener&) = default;
};

enum class Sticky : std::uint8_t { insert, learn, none };
enum class OnLost : std::uint8_t { rescue, fail };
enum class SameSite : std::uint8_t { lax, strict, none };
enum class Secure : std::uint8_t { automatic, always, never };
/// What a response with a new session cookie tells shared caches (RFC 9111 5.2.2).
enum class CookieCache : std::uint8_t { make_private, no_cache, as_is };

/// Attributes of the session cookie, written each time it is set.
struct CookieAttributes {
  std::string path = "/";
  std::string domain;  ///< empty: the host of the request
  bool http_only = true;
  SameSite same_site = SameSite::lax;
  Secure secure = Secure::automatic;  ///< automatic: on TLS listeners
  CookieCache cache = CookieCache::make_private;

  friend bool operator==(const CookieAttributes&, const CookieAttributes&) = default;
};

/// A request by which users log out.
struct Logout {
  std::string method;
  std::string path;  ///< of the target, without the query

  friend bool operator==(const Logout&, const Logout&) = default;
};

/// A text in which a `*` stands for any characters, at one end or at both.
struct TextPattern {
  enum class Match : std::uint8_t { whole, prefix, suffix, part };

  std::string text;  ///< without the `*`
  Match match = Match::whole;

  friend bool operator==(const TextPattern&, const TextPattern&) = default;
};

/// Requests that are not of users: of monitors, load balancers and crawlers. All conditions that
/// are set must hold; at least one is set.
struct Exemption {
  std::string method;                     ///< empty: any
  std::optional<TextPattern> path;        ///< of the target, without the query
  std::optional<TextPattern> user_agent;  ///< compared without regard to case
  std::optional<Network> client;

  friend bool operator==(const Exemption&, const Exemption&) = default;
};

/// Where a name comes from.
enum class NameSource : std::uint8_t { by_default, in_file };

struct Session {
  Sticky sticky = Sticky::insert;
  std::string cookie = "bonedry";
  CookieAttributes attributes;
  Millis idle_timeout = std::chrono::minutes{20};
  Millis pending_timeout = std::chrono::minutes{20};  ///< default: idle_timeout
  Millis max_lifetime = std::chrono::hours{12};
  Millis renewal_grace = std::chrono::seconds{30};  ///< minimum life of the replaced value
  OnLost on_lost = OnLost::rescue;
  std::vector<Logout> logout;
  std::vector<Exemption> exempt;
  std::string logout_header;  ///< a response field that ends the session; empty: none
  std::string logout_cookie;  ///< the application's, whose clearing ends it too; empty: none
  NameSource cookie_named = NameSource::by_default;

  friend bool operator==(const Session&, const Session&) = default;
};

struct Health {
  std::string path;     ///< empty: the check is a TCP connect, unless it is gRPC's
  bool active = false;  ///< whether [pool.health] is in the file
  Millis interval = std::chrono::seconds{2};
  Millis timeout = std::chrono::seconds{2};
  unsigned rise = 2;
  unsigned fall = 3;
  unsigned passive_failures = 3;  ///< connect failures in a row that mark a node; 0: never
  Millis passive_hold = std::chrono::seconds{10};  ///< how long such a mark lasts
  /// The service that is asked for by grpc.health.v1; empty: the whole server. Nothing: no gRPC.
  std::optional<std::string> grpc = std::nullopt;

  friend bool operator==(const Health&, const Health&) = default;
};

enum class Balance : std::uint8_t { least_sessions, round_robin, least_exchanges, random };

struct Node {
  std::string name;
  Address address;
  unsigned weight = 100;              ///< 0..1000; 0: bleeding from the start
  std::uint64_t max_sessions = 0;     ///< 0: no limit
  std::uint64_t max_connections = 0;  ///< in use at a time; 0: no limit
  std::uint64_t max_waiting = 1000;   ///< exchanges that wait for a connection
  std::string group = {};             ///< such as "blue"; empty: none, like all nodes of its pool
  std::vector<std::string> formerly = {};  ///< earlier names, whose users are its users

  friend bool operator==(const Node&, const Node&) = default;
};

/// Which PROXY header nodes get at the start of each connection.
enum class ProxyProtocol : std::uint8_t { off, v1, v2 };

/// The version of HTTP that a pool's nodes are spoken to in.
enum class NodeProtocol : std::uint8_t { h1, h2 };

/// Which fields describe the client to nodes: X-Forwarded-*, Forwarded (RFC 7239), or both.
enum class ForwardedFields : std::uint8_t { x_forwarded, rfc7239, both };

/// What to do with an exchange whose client has left before the end of the response.
enum class OnClientGone : std::uint8_t { abort, finish };

/// How a pool speaks TLS with its nodes.
struct PoolTls {
  bool verify = true;  ///< whether a node must show a certificate for its name that `ca` has issued
  CertificateFile ca;  ///< empty: the system's
  std::string server_name;  ///< asked for (SNI) and verified; empty: the address of the node
  std::optional<Certificate> certificate;  ///< shown to nodes that ask for one

  friend bool operator==(const PoolTls&, const PoolTls&) = default;
};

struct Pool {
  std::string name;
  Balance balance = Balance::least_sessions;
  NodeProtocol protocol = NodeProtocol::h1;
  unsigned streams_per_connection = 8;  ///< at a time, with HTTP/2
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  unsigned min_active = 1;
  Millis slow_start{0};                            ///< 0: a node takes its full share at once
  std::vector<std::string> upgrades{"websocket"};  ///< protocols that clients may switch to
  unsigned retry_percent = 20;  ///< requests per 100 that may be sent twice; 0: none
  Millis reuse =
      std::chrono::seconds{55};  ///< how long idle connections to nodes are kept; 0: never
  ForwardedFields forwarded = ForwardedFields::x_forwarded;
  OnClientGone on_client_gone = OnClientGone::abort;
  Session session;
  Health health;
  std::optional<PoolTls> tls = std::nullopt;  ///< nothing: nodes speak plain HTTP
  std::vector<Node> nodes;

  friend bool operator==(const Pool&, const Pool&) = default;
};

/// Several proxies as one.
struct Cluster {
  std::string name;                ///< of this member
  unsigned members = 2;            ///< with fewer on the roster, no node becomes dry
  std::string store;               ///< URL of the Redis or Valkey server
  std::vector<Address> sentinels;  ///< the host of `store` is then the name of the primary
  std::string username;
  std::string password_file;  ///< empty: no password
  std::string prefix = "bonedry";
  Millis silent_after = std::chrono::seconds{5};  ///< a member not heard for so long is silent
  Millis forget_after{0};  ///< a member without contact for so long is forgotten; 0: never

  friend bool operator==(const Cluster&, const Cluster&) = default;
};

struct Config {
  Server server;
  Admin admin;
  Hooks hooks;
  Log log;
  Limits limits;
  Timeouts timeouts;
  Ledger ledger;
  std::optional<Cluster> cluster = std::nullopt;  ///< nothing: one proxy alone
  std::vector<Listener> listeners;
  std::vector<Pool> pools;

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace bonedry::conf
