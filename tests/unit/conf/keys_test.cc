// The values that one key may have. Each row: the text, and the one error that it causes.
#include "config_text.h"

namespace bonedry::conf::test {
namespace {

void expect_loads(Frame frame, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    EXPECT_THAT(errors_of(frame(text)), IsEmpty()) << text;
  }
}

TEST(KeysTest, Server) {
  const std::string short_of_a_secret(31, 's');
  expect_errors(
      beside_a_pool,
      {{"server.workers = 257", "f:1:18: server.workers: 257 is out of range; expected 0 to 256"},
       {"server.workers = 4.0", "f:1:18: server.workers: expected an integer, got a float"},
       {"server.state_dir = ''", R"(f:1:20: server.state_dir: "" is not a path; expected a )"
                                 "non-empty path without control characters"},
       {R"(server.state_dir = "a\u0000b")",
        R"(f:1:20: server.state_dir: "a\x00b" is not a path; expected a non-empty path )"
        "without control characters"},
       {"server.secrets = 'x'", "f:1:18: server.secrets: expected an array, got a string"},
       {"server.secrets = []", "f:1:18: server.secrets: empty; expected at least one element"},
       {"server.secrets = [\n  '" + short_of_a_secret + "']",
        "f:2:3: server.secrets[#1]: too short for a secret (31 bytes); expected at least 32 "
        "bytes"},
       {"server.secrets = ['0123456789abcdef0123456789abcdef', true]",
        "f:1:55: server.secrets[#2]: expected a string, got a boolean"},
       {"server.secret_file = 1", "f:1:22: server.secret_file: expected a string, got an integer"},
       {"server.underscore_names = 'keep'",
        R"(f:1:27: server.underscore_names: "keep" is not a valid value; expected one of: )"
        "drop, pass, refuse"},
       {"server = 7", "f:1:10: server: expected a table, got an integer"},
       {"[[server]]", "f:1:1: server: expected a table, got an array"}});
  expect_loads(beside_a_pool, {"server.workers = 0", "server.workers = 256",
                               "server.secrets = ['" + std::string(32, 's') + "']"});
}

TEST(KeysTest, Admin) {
  expect_errors(
      beside_a_pool,
      {{"admin.socket = '" + std::string(100, 's') + "'",
        "f:1:16: admin.socket: a path of 100 bytes is too long; expected at most 99, the limit of "
        "Unix sockets"},
       {"admin.socket = ''", R"(f:1:16: admin.socket: "" is not a path; expected a non-empty path )"
                             "without control characters"},
       {"admin.http = 'localhost:80'",
        R"(f:1:14: admin.http: "localhost:80" is not an address; expected a numeric IP address )"
        R"(and a port, e.g. "127.0.0.1:9900", or the path of a Unix socket)"},
       {"admin.http = 9900", "f:1:14: admin.http: expected a string, got an integer"}});
  expect_loads(beside_a_pool, {"admin.socket = '" + std::string(99, 's') + "'"});
}

TEST(KeysTest, Log) {
  expect_errors(
      beside_a_pool,
      {{"log.level = 'loud'", R"(f:1:13: log.level: "loud" is not a valid value; expected one of: )"
                              "debug, info, warn, error"},
       {"log.level = 3", "f:1:13: log.level: expected a string, got an integer"},
       {"log.format = 'xml'",
        R"(f:1:14: log.format: "xml" is not a valid value; expected one of: json, combined)"},
       {"log.facility = 'mail'",
        R"(f:1:16: log.facility: "mail" is not a valid value; expected one of: daemon, user, local0, )"
        "local1, local2, local3, local4, local5, local6, local7"},
       {"log.request_id = 'yes'",
        R"(f:1:18: log.request_id: "yes" is not a valid value; expected one of: off, forward, respond)"},
       {"log.access = false", "f:1:14: log.access: expected a string, got a boolean"}});
  EXPECT_EQ(load(beside_a_pool("log.level = 'debug'")).config.log.level, LogLevel::debug);
  EXPECT_EQ(load(beside_a_pool("log.level = 'error'")).config.log.level, LogLevel::error);
  EXPECT_EQ(load(beside_a_pool("log.facility = 'local7'")).config.log.facility,
            SyslogFacility::local7);
  EXPECT_EQ(static_cast<int>(SyslogFacility::local7), 23);
}

TEST(KeysTest, ShutdownMayBeginAtOnce) {
  EXPECT_EQ(load(beside_a_pool("")).config.timeouts.shutdown_delay, Millis{0});
  EXPECT_EQ(load(beside_a_pool("timeouts.shutdown_delay = '0'")).config.timeouts.shutdown_delay,
            Millis{0});
  EXPECT_EQ(load(beside_a_pool("timeouts.shutdown_delay = '10s'")).config.timeouts.shutdown_delay,
            Millis{10'000});
  EXPECT_THAT(errors_of(beside_a_pool("timeouts.shutdown_delay = 'x'")), ::testing::SizeIs(1));
}

TEST(KeysTest, LimitsAndLedger) {
  expect_errors(
      beside_a_pool,
      {{"limits.header_bytes = 1023",
        "f:1:23: limits.header_bytes: 1023 is out of range; expected 1024 to 1048576"},
       {"limits.header_bytes = 1048577",
        "f:1:23: limits.header_bytes: 1048577 is out of range; expected 1024 to 1048576"},
       {"limits.headers = 0", "f:1:18: limits.headers: 0 is out of range; expected 1 to 1000"},
       {"limits.headers = 1001",
        "f:1:18: limits.headers: 1001 is out of range; expected 1 to 1000"},
       {"limits.connections = -1",
        "f:1:22: limits.connections: -1 is out of range; expected 0 to 9223372036854775807"},
       {"limits.body_bytes = '1MB'",
        "f:1:21: limits.body_bytes: expected an integer, got a string"},
       {"ledger.sessions = 0",
        "f:1:19: ledger.sessions: 0 is out of range; expected 1 to 100000000"},
       {"ledger.sessions = 100000001",
        "f:1:19: ledger.sessions: 100000001 is out of range; expected 1 to 100000000"}});
  expect_loads(beside_a_pool, {"limits.header_bytes = 1024", "limits.header_bytes = 1048576",
                               "limits.headers = 1", "ledger.sessions = 1"});
}

TEST(KeysTest, EveryTimeoutIsADurationAboveZero) {
  for (const std::string key : {"header", "idle", "connect", "response", "stall", "shutdown"}) {
    EXPECT_THAT(errors_of(beside_a_pool("[timeouts]\n" + key + " = \n'0'")), ::testing::SizeIs(1));
    EXPECT_THAT(errors_of(beside_a_pool("timeouts = { " + key + " = '0s' }")),
                ElementsAre("f:1:" + std::to_string(17 + key.size()) + ": timeouts." + key +
                            R"(: must be greater than 0; expected e.g. "90s", "20m", "12h")"));
  }
  expect_errors(
      beside_a_pool,
      {{"timeouts.idle = '20x'", R"(f:1:17: timeouts.idle: "20x" is not a duration; expected )"
                                 R"(e.g. "90s", "20m", "12h")"},
       {"timeouts.idle = '-1s'", R"(f:1:17: timeouts.idle: "-1s" is not a duration; expected )"
                                 R"(e.g. "90s", "20m", "12h")"},
       {"timeouts.idle = 75", R"(f:1:17: timeouts.idle: expected a duration such as "90s", )"
                              R"("20m", "12h", got an integer)"},
       {"timeouts.idle = 00:01:15", R"(f:1:17: timeouts.idle: expected a duration such as "90s", )"
                                    R"("20m", "12h", got a time)"},
       {"timeouts.idle = 2024-01-01", R"(f:1:17: timeouts.idle: expected a duration such as )"
                                      R"("90s", "20m", "12h", got a date)"},
       {"timeouts.idle = '4000d'",
        R"(f:1:17: timeouts.idle: "4000d" is too long; expected at most "3660d")"},
       {"timeouts.idle = '99999999999999999999h1s'",
        R"(f:1:17: timeouts.idle: "99999999999999999999h1s" is too long; expected at most )"
        R"("3660d")"}});
  expect_loads(beside_a_pool, {"timeouts.idle = '1ms'", "timeouts.idle = '3660d'"});
}

TEST(KeysTest, Listener) {
  const std::string address = "address = '127.0.0.1:80'\n";
  const std::string pool = "pool = 'shop'\n";
  const std::string expected_address =
      R"( is not an address; expected a numeric IP address and a port, e.g. "0.0.0.0:8080" or )"
      R"("[::1]:8080")";
  expect_errors(with_listeners,
                {{"[[listener]]\n" + address,
                  "f:6:1: listener[#1].pool: required, but missing; a listener without a pool has "
                  "redirect = \"https\""},
                 {"[[listener]]\n" + pool, "f:6:1: listener[#1].address: required, but missing"},
                 {"[[listener]]\naddress = ':8080'\n" + pool,
                  "f:7:11: listener[#1].address: \":8080\"" + expected_address},
                 {"[[listener]]\n" + address + pool + "[[listener]]\naddress = '[::1]:x'\n" + pool,
                  "f:10:11: listener[#2].address: \"[::1]:x\"" + expected_address},
                 {"[[listener]]\n" + address + "pool = 8\n",
                  "f:8:8: listener[#1].pool: expected a string, got an integer"},
                 {"[[listener]]\n" + address + "pool = ''\n",
                  R"(f:8:8: listener[#1].pool: "" is not a name; expected the name of a pool)"},
                 {"[listener]\n" + address + pool,
                  "f:6:1: listener: expected an array of tables (double brackets), got a table"}});
}

TEST(KeysTest, ListenersRefuseWhatWouldBeUnsafeToIgnore) {
  const std::string good = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n";
  expect_errors(with_listeners,
                {{good + "port = 1",
                  "f:9:1: listener[#1].port: unknown key; expected one of: address, pool, "
                  "redirect, acme_challenges, health_path, proxy_protocol, alpn, tls"},
                 {good + "certificate = 'c'",
                  "f:9:1: listener[#1].certificate: unknown key; expected one of: address, pool, "
                  "redirect, acme_challenges, health_path, proxy_protocol, alpn, tls"}});
}

TEST(KeysTest, ProtocolsOfAListener) {
  const std::string plain = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n";
  const std::string tls = "tls = { certificates = [{ certificate = 'a', key = 'b' }] }\n";
  EXPECT_THAT(load(with_listeners(plain)).config.listeners[0].alpn, ElementsAre("http/1.1"));
  EXPECT_THAT(load(with_listeners(plain + "alpn = ['h2c', 'http/1.1']\n")).config.listeners[0].alpn,
              ElementsAre("h2c", "http/1.1"));
  expect_errors(
      with_listeners,
      {{plain + "alpn = ['h2']\n",
        R"(f:9:9: listener[#1].alpn[#1]: "h2" is not a valid value; expected one of: )"
        "h2c, http/1.1"},
       {plain + "alpn = []\n", "f:9:8: listener[#1].alpn: empty; expected at least one element"},
       {plain + "alpn = ['h2c']\n" + tls,
        "f:9:8: listener[#1].alpn: belongs in [listener.tls] (line 10)"}});
}

TEST(KeysTest, ListenersThatRedirect) {
  const std::string plain = "[[listener]]\naddress = '127.0.0.1:80'\n";
  const std::string tls = "tls = { certificates = [{ certificate = 'a', key = 'b' }] }\n";
  const Listener listener =
      load(with_listeners(plain + "redirect = 'https'\nacme_challenges = '/acme'\n"))
          .config.listeners[0];
  EXPECT_EQ(listener.redirect, Redirect::https);
  EXPECT_EQ(listener.acme_challenges, "/acme");
  EXPECT_TRUE(listener.pool.empty());
  expect_errors(
      with_listeners,
      {{plain + "pool = 'shop'\nredirect = 'https'\n",
        "f:9:12: listener[#1].redirect: conflicts with pool (line 8); set only one of the two"},
       {plain + "redirect = 'http'\n",
        R"(f:8:12: listener[#1].redirect: "http" is not a valid value; expected one of: https)"},
       {plain + "redirect = 'https'\n" + tls,
        "f:8:12: listener[#1].redirect: conflicts with [listener.tls] (line 9); set it for a "
        "listener without TLS"},
       {plain + "pool = 'shop'\nacme_challenges = '/acme'\n" + tls,
        "f:9:19: listener[#1].acme_challenges: conflicts with [listener.tls] (line 10); set it for "
        "a listener without TLS"},
       {plain + "pool = 'shop'\nacme_challenges = ''\n",
        "f:9:19: listener[#1].acme_challenges: \"\" is not a path; expected a non-empty path "
        "without control characters"}});
}

TEST(KeysTest, ProxyProtocol) {
  const std::string good = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n";
  const std::string trusted = "[server]\ntrusted_proxies = ['10.0.0.0/8']\n";
  expect_errors(with_listeners, {{good + "proxy_protocol = 'v1'\n" + trusted,
                                  "f:9:18: listener[#1].proxy_protocol: expected a boolean (true "
                                  "or false), got a string"}});
  expect_errors(in_a_pool, {{"proxy_protocol = true",
                             "f:6:18: pool[shop].proxy_protocol: expected a string, got a boolean"},
                            {"proxy_protocol = 'v3'",
                             R"(f:6:18: pool[shop].proxy_protocol: "v3" is not a valid value; )"
                             "expected one of: off, v1, v2"}});
  EXPECT_FALSE(load(with_listeners(good)).config.listeners[0].proxy_protocol);
  EXPECT_FALSE(
      load(with_listeners(good + "proxy_protocol = false")).config.listeners[0].proxy_protocol);
  EXPECT_TRUE(load(with_listeners(good + "proxy_protocol = true\n" + trusted))
                  .config.listeners[0]
                  .proxy_protocol);
  EXPECT_EQ(load(in_a_pool("")).config.pools[0].proxy_protocol, ProxyProtocol::off);
  EXPECT_EQ(load(in_a_pool("proxy_protocol = 'v1'")).config.pools[0].proxy_protocol,
            ProxyProtocol::v1);
  EXPECT_EQ(load(in_a_pool("proxy_protocol = 'v2'")).config.pools[0].proxy_protocol,
            ProxyProtocol::v2);
}

TEST(KeysTest, TrustedProxies) {
  const std::string expected =
      R"( is not a network; expected an IP address or a CIDR block, e.g. "127.0.0.1", )"
      R"("10.0.0.0/8" or "fd00::/8")";
  expect_errors(
      beside_a_pool,
      {{"server.trusted_proxies = '10.0.0.0/8'",
        "f:1:26: server.trusted_proxies: expected an array, got a string"},
       {"server.trusted_proxies = []",
        "f:1:26: server.trusted_proxies: empty; expected at least one element"},
       {"server.trusted_proxies = [10]",
        "f:1:27: server.trusted_proxies[#1]: expected a string, got an integer"},
       {"server.trusted_proxies = ['127.0.0.1', '10.0.0.1/8']",
        R"(f:1:40: server.trusted_proxies[#2]: "10.0.0.1/8" has host bits set; did you mean )"
        R"("10.0.0.0/8"?)"},
       {"server.trusted_proxies = ['10.0.0.0/33']",
        "f:1:27: server.trusted_proxies[#1]: \"10.0.0.0/33\"" + expected},
       {"server.trusted_proxies = ['localhost']",
        "f:1:27: server.trusted_proxies[#1]: \"localhost\"" + expected}});
  const Config config =
      load(beside_a_pool("server.trusted_proxies = ['127.0.0.1', 'fd00::/8']")).config;
  ASSERT_EQ(config.server.trusted_proxies.size(), 2U);
  EXPECT_EQ(to_string(config.server.trusted_proxies[0]), "127.0.0.1");
  EXPECT_EQ(to_string(config.server.trusted_proxies[1]), "fd00::/8");
}

TEST(KeysTest, ArraysOfTablesHoldTables) {
  expect_errors(with_listeners,
                {{"[[pool.node]]\nname = 'bob'\naddress = '127.0.0.1:9002'\n[[listener]]\n"
                  "address = '127.0.0.1:80'\npool = 'shop'\n[pool.session]\nlogout = [1]",
                  "f:13:11: pool[shop].session.logout[#1]: expected a table, got an integer"}});
}

TEST(KeysTest, Pool) {
  expect_errors(
      in_a_pool,
      {{"balance = 'fastest'",
        R"(f:6:11: pool[shop].balance: "fastest" is not a valid value; expected one of: )"
        "least-sessions, round-robin, least-exchanges, random"},
       {"min_active = -1",
        "f:6:14: pool[shop].min_active: -1 is out of range; expected 0 to 4294967295"},
       {"slow_start = 'slow'", R"(f:6:14: pool[shop].slow_start: "slow" is not a duration; )"
                               R"(expected e.g. "90s", "20m", "12h")"},
       {"retry_percent = 101",
        "f:6:17: pool[shop].retry_percent: 101 is out of range; expected 0 to 100"},
       {"reuse = 'always'", R"(f:6:9: pool[shop].reuse: "always" is not a duration; )"
                            R"(expected e.g. "90s", "20m", "12h")"},
       {"reuse = '0s'", R"(f:6:9: pool[shop].reuse: must be greater than 0; )"
                        R"(expected e.g. "90s", "20m", "12h")"},
       {"forwarded = true", "f:6:13: pool[shop].forwarded: expected a string, got a boolean"},
       {"on_client_gone = 'wait'",
        R"(f:6:18: pool[shop].on_client_gone: "wait" is not a valid value; expected one of: )"
        "abort, finish"},
       {"upgrades = 'websocket'", "f:6:12: pool[shop].upgrades: expected an array, got a string"},
       {"upgrades = ['H2C']",
        R"(f:6:13: pool[shop].upgrades[#1]: "H2C" is not a protocol to upgrade to; expected a )"
        R"(name such as "websocket"; HTTP and TLS are not allowed)"},
       {"upgrades = ['websocket', 'TLS/1.2']",
        R"(f:6:26: pool[shop].upgrades[#2]: "TLS/1.2" is not a protocol to upgrade to; expected )"
        R"(a name such as "websocket"; HTTP and TLS are not allowed)"},
       {"minactive = 1", R"(f:6:1: pool[shop].minactive: unknown key; did you mean "min_active"?)"},
       {"[pool.sesion]\nsticky = 'insert'",
        R"(f:6:7: pool[shop].sesion: unknown key; did you mean "session"?)"},
       {"session = 'insert'", "f:6:11: pool[shop].session: expected a table, got a string"}});
  expect_loads(in_a_pool, {"balance = 'round-robin'", "balance = 'random'", "slow_start = '0'",
                           "slow_start = '0s'", "min_active = 0", "upgrades = []",
                           "upgrades = ['websocket', 'irc/6.9']"});
}

TEST(KeysTest, PoolsNeedAUsableName) {
  const std::string listener = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n[[pool]]\n";
  const std::string node = "[[pool.node]]\nname = 'a'\naddress = '127.0.0.1:9001'\n";
  const std::string expected =
      " is not a name; expected 1 to 64 letters, digits, dots, underscores and dashes";
  const std::string longest(64, 'n');
  const std::string too_long(65, 'n');
  // The missing pool of the listener is not reported: it may well be this one.
  EXPECT_THAT(errors_of(listener + node),
              ElementsAre("f:4:1: pool[#1].name: required, but missing"));
  EXPECT_THAT(errors_of(listener + "name = 'the shop'\n" + node),
              ElementsAre("f:5:8: pool[#1].name: \"the shop\"" + expected));
  EXPECT_THAT(errors_of(listener + "name = ''\n" + node),
              ElementsAre("f:5:8: pool[#1].name: \"\"" + expected));
  EXPECT_THAT(
      errors_of(listener + "name = '" + too_long + "'\n" + node),
      ElementsAre("f:5:8: pool[#1].name: \"" + too_long.substr(0, 60) + "...\"" + expected));
  EXPECT_THAT(errors_of("[[listener]]\naddress = '127.0.0.1:80'\npool = '" + longest +
                        "'\n[[pool]]\nname = '" + longest + "'\n" + node),
              IsEmpty());
}

TEST(KeysTest, Session) {
  expect_errors(
      in_a_pool,
      {{"session.sticky = 'source'",
        R"(f:6:18: pool[shop].session.sticky: "source" is not a valid value; expected one of: )"
        "insert, learn, none"},
       {"session.sticky = false",
        "f:6:18: pool[shop].session.sticky: expected a string, got a "
        "boolean"},
       {"session.on_lost = 'panic'",
        R"(f:6:19: pool[shop].session.on_lost: "panic" is not a valid value; expected one of: )"
        "rescue, fail"},
       {"session.cookie = 'my cookie'",
        R"(f:6:18: pool[shop].session.cookie: "my cookie" is not a token; expected letters, )"
        "digits and !#$%&'*+-.^_`|~"},
       {"session.cookie = ''", R"(f:6:18: pool[shop].session.cookie: "" is not a token; expected )"
                               "letters, digits and !#$%&'*+-.^_`|~"},
       {"session.idle_timeout = '0'",
        "f:6:24: pool[shop].session.idle_timeout: must be greater "
        R"(than 0; expected e.g. "90s", "20m", "12h")"},
       {"session.pending_timeout = '0'",
        "f:6:27: pool[shop].session.pending_timeout: must be "
        R"(greater than 0; expected e.g. "90s", "20m", "12h")"},
       {"session.max_lifetime = '0'",
        "f:6:24: pool[shop].session.max_lifetime: must be greater "
        R"(than 0; expected e.g. "90s", "20m", "12h")"},
       {"session.idle_timeot = '1m'",
        R"(f:6:9: pool[shop].session.idle_timeot: unknown key; did you mean "idle_timeout"?)"}});
  EXPECT_EQ(load(in_a_pool("session.on_lost = 'fail'")).config.pools[0].session.on_lost,
            OnLost::fail);
}

TEST(KeysTest, CookieAttributesCannotEndTheHeader) {
  const std::string path_expected =
      R"( is not a cookie path; expected ASCII text that begins with "/", without ";" and ",")";
  const std::string domain_expected =
      R"( is not a cookie domain; expected a domain name of two labels or more, without )"
      R"(scheme and port, e.g. "shop.example", or "" for the host of the request)";
  expect_errors(
      in_a_pool,
      {{"session.cookie_path = 'shop'",
        "f:6:23: pool[shop].session.cookie_path: \"shop\"" + path_expected},
       {"session.cookie_path = ''", "f:6:23: pool[shop].session.cookie_path: \"\"" + path_expected},
       {"session.cookie_path = '/;Secure'",
        "f:6:23: pool[shop].session.cookie_path: \"/;Secure\"" + path_expected},
       {"session.cookie_path = '/a,b'",
        "f:6:23: pool[shop].session.cookie_path: \"/a,b\"" + path_expected},
       {R"(session.cookie_path = "/\r\nX: y")",
        R"(f:6:23: pool[shop].session.cookie_path: "/\x0d\x0aX: y")" + path_expected},
       {"session.cookie_domain = 'a;b'",
        "f:6:25: pool[shop].session.cookie_domain: \"a;b\"" + domain_expected},
       {"session.cookie_domain = 'a,b'",
        "f:6:25: pool[shop].session.cookie_domain: \"a,b\"" + domain_expected},
       {R"(session.cookie_domain = "a\tb")",
        R"(f:6:25: pool[shop].session.cookie_domain: "a\x09b")" + domain_expected},
       {"session.cookie_domain = 'é.example'",
        "f:6:25: pool[shop].session.cookie_domain: \"é.example\"" + domain_expected},
       {"session.cookie_http_only = 'yes'",
        "f:6:28: pool[shop].session.cookie_http_only: expected a boolean (true or false), got a "
        "string"},
       {"session.cookie_same_site = 'Lax'",
        R"(f:6:28: pool[shop].session.cookie_same_site: "Lax" is not a valid value; expected one )"
        "of: lax, strict, none"},
       {"session.cookie_cache = 'public'",
        R"(f:6:24: pool[shop].session.cookie_cache: "public" is not a valid value; expected one of: )"
        "private, no-cache, as-is"},
       {"session.cookie_secure = true",
        "f:6:25: pool[shop].session.cookie_secure: expected a string, got a boolean"},
       {"session.cookie_secure = 'yes'",
        R"(f:6:25: pool[shop].session.cookie_secure: "yes" is not a valid value; expected one of: )"
        "auto, always, never"}});
  EXPECT_EQ(load(in_a_pool("session.cookie_same_site = 'strict'"))
                .config.pools[0]
                .session.attributes.same_site,
            SameSite::strict);
  EXPECT_EQ(
      load(in_a_pool("session.cookie_secure = 'never'")).config.pools[0].session.attributes.secure,
      Secure::never);
}

TEST(KeysTest, ALearnedCookieIsNamedAndLetBe) {
  const std::string not_ours =
      R"(: not allowed with sticky = "learn", which does not change the application's cookie; )"
      "remove this key";
  const std::string learn = "session.sticky = 'learn'\nsession.cookie = 'SID'\n";
  expect_errors(
      in_a_pool,
      {{"session.sticky = 'learn'",
        R"(f:6:1: pool[shop].session.cookie: required with sticky = "learn", but missing)"},
       {learn + "session.cookie_path = '/'", "f:8:23: pool[shop].session.cookie_path" + not_ours},
       {learn + "session.cookie_domain = ''",
        "f:8:25: pool[shop].session.cookie_domain" + not_ours},
       {learn + "session.cookie_http_only = true",
        "f:8:28: pool[shop].session.cookie_http_only" + not_ours},
       {learn + "session.cookie_same_site = 'lax'",
        "f:8:28: pool[shop].session.cookie_same_site" + not_ours},
       {learn + "session.cookie_secure = 'auto'",
        "f:8:25: pool[shop].session.cookie_secure" + not_ours},
       {learn + "session.logout_cookie = 'SID'",
        R"(f:8:25: pool[shop].session.logout_cookie: not allowed with sticky = "learn", )"
        R"(where clearing "cookie" ends the session; remove this key)"}});
  EXPECT_THAT(warnings_of(in_a_pool(learn + "session.logout_header = 'X-Out'")), IsEmpty());
  const Session session = load(in_a_pool(learn)).config.pools[0].session;
  EXPECT_EQ(session.sticky, Sticky::learn);
  EXPECT_EQ(session.cookie, "SID");
}

TEST(KeysTest, HealthPath) {
  const std::string good = "[[listener]]\naddress = '127.0.0.1:80'\npool = 'shop'\n";
  EXPECT_TRUE(load(with_listeners(good)).config.listeners[0].health_path.empty());
  EXPECT_EQ(
      load(with_listeners(good + "health_path = '/-/health'\n")).config.listeners[0].health_path,
      "/-/health");
  const std::string expected =
      R"( is not a path without a query; expected one that begins with "/", without spaces, "?" )"
      R"(and "#", e.g. "/logout")";
  for (const std::string path : {"", "health", "/health?x"}) {
    EXPECT_THAT(errors_of(with_listeners(good + "health_path = '" + path + "'\n")),
                ElementsAre(R"(f:9:15: listener[#1].health_path: ")" + path + "\"" + expected));
  }
}

TEST(KeysTest, Logout) {
  const std::string path_expected =
      R"( is not a path without a query; expected one that begins with "/", without spaces, "?" )"
      R"(and "#", e.g. "/logout")";
  const std::string token_expected =
      R"( is not a token; expected letters, digits and !#$%&'*+-.^_`|~, or "" for none)";
  expect_errors(
      in_a_pool,
      {{"session.logout = '/logout'",
        "f:6:18: pool[shop].session.logout: expected an array of "
        "tables (double brackets), got a string"},
       {"session.logout = [{ path = '/logout' }]",
        "f:6:19: pool[shop].session.logout[#1].method: required, but missing"},
       {"session.logout = [{ method = 'POST', path = 'logout' }]",
        R"(f:6:45: pool[shop].session.logout[#1].path: "logout")" + path_expected},
       {"session.logout = [{ method = 'POST', path = '/logout?now' }]",
        R"(f:6:45: pool[shop].session.logout[#1].path: "/logout?now")" + path_expected},
       {"session.logout = [{ method = 'POST', path = '/logout', status = 200 }]",
        "f:6:56: pool[shop].session.logout[#1].status: unknown key; expected one of: method, "
        "path"},
       {"session.logout_header = 'X Logout'",
        R"(f:6:25: pool[shop].session.logout_header: "X Logout")" + token_expected},
       {"session.logout_cookie = 'a=b'",
        R"(f:6:25: pool[shop].session.logout_cookie: "a=b")" + token_expected},
       {"session.logout_cookie = 'bonedry'",
        R"(f:6:25: pool[shop].session.logout_cookie: "bonedry" is bonedry's own cookie; expected )"
        "the application's cookie"}});
  const Session session = load(in_a_pool("session.logout = [{ method = 'POST', path = '/out' }]\n"
                                         "session.logout_header = 'X-Out'\n"
                                         "session.logout_cookie = 'JSESSIONID'"))
                              .config.pools[0]
                              .session;
  EXPECT_THAT(session.logout, ElementsAre(Logout{"POST", "/out"}));
  EXPECT_EQ(session.logout_header, "X-Out");
  EXPECT_EQ(session.logout_cookie, "JSESSIONID");
  EXPECT_THAT(warnings_of(in_a_pool("session.sticky = 'none'\nsession.logout_header = 'X-Out'")),
              ElementsAre(R"(f:7:25: pool[shop].session.logout_header: ignored: with sticky = )"
                          R"("none" there are no sessions to end)"));
}

TEST(KeysTest, Health) {
  const std::string path_expected =
      R"( is not a URL path; expected one that begins with "/", of at most 4096 characters, )"
      R"(without spaces or "#", e.g. "/healthz")";
  expect_errors(
      in_a_pool,
      {{"health.path = ''", "f:6:15: pool[shop].health.path: \"\"" + path_expected},
       {"health.path = 'healthz'", "f:6:15: pool[shop].health.path: \"healthz\"" + path_expected},
       {"health.path = '/a b'", "f:6:15: pool[shop].health.path: \"/a b\"" + path_expected},
       {"health.path = '/a#b'", "f:6:15: pool[shop].health.path: \"/a#b\"" + path_expected},
       {"health.path = '/é'", "f:6:15: pool[shop].health.path: \"/é\"" + path_expected},
       {R"(health.path = "/\r\nHost: x")",
        R"(f:6:15: pool[shop].health.path: "/\x0d\x0aHost: x")" + path_expected},
       {"health.interval = '0'",
        "f:6:19: pool[shop].health.interval: must be greater than 0; "
        R"(expected e.g. "90s", "20m", "12h")"},
       {"health.timeout = 2",
        "f:6:18: pool[shop].health.timeout: expected a duration such as "
        R"("90s", "20m", "12h", got an integer)"},
       {"health.rise = 0",
        "f:6:15: pool[shop].health.rise: 0 is out of range; expected 1 to 4294967295"},
       {"health.fall = 0",
        "f:6:15: pool[shop].health.fall: 0 is out of range; expected 1 to 4294967295"},
       {"health.fall = 4294967296",
        "f:6:15: pool[shop].health.fall: 4294967296 is out of range; expected 1 to 4294967295"},
       {"health.passive_failures = -1",
        "f:6:27: pool[shop].health.passive_failures: -1 is out of range; expected 0 to "
        "4294967295"},
       {"health.passive_hold = '0'",
        "f:6:23: pool[shop].health.passive_hold: must be greater than "
        R"(0; expected e.g. "90s", "20m", "12h")"},
       {"health = true", "f:6:10: pool[shop].health: expected a table, got a boolean"}});
}

TEST(KeysTest, TheLongestPathOfAHealthCheck) {
  const std::string longest = "/" + std::string(4095, 'x');
  const auto with_path = [](const std::string& path) {
    return in_a_pool("health.path = '" + path + "'");
  };
  EXPECT_EQ(load(with_path(longest)).config.pools[0].health.path, longest);
  EXPECT_EQ(errors_of(with_path(longest + "x")).size(), 1U);
}
TEST(KeysTest, Node) {
  const std::string name = "[[pool.node]]\nname = 'alice'\n";
  const std::string good = name + "address = '127.0.0.1:9001'\n";
  const std::string expected_address =
      R"( is not an address; expected a numeric IP address and a port from 1 to 65535, e.g. )"
      R"("127.0.0.1:9001" or "[::1]:9001")";
  expect_errors(
      with_nodes,
      {{name, "f:6:1: pool[shop].node[alice].address: required, but missing"},
       {"[[pool.node]]\naddress = '127.0.0.1:9001'",
        "f:6:1: pool[shop].node[#1].name: required, but missing"},
       {good + "[[pool.node]]\nname = 'bob/2'\naddress = '127.0.0.1:9002'",
        R"(f:10:8: pool[shop].node[#2].name: "bob/2" is not a name; expected 1 to 64 letters, )"
        "digits, dots, underscores and dashes"},
       {name + "address = '127.0.0.1:0'",
        "f:8:11: pool[shop].node[alice].address: \"127.0.0.1:0\"" + expected_address},
       {name + "address = 'alice.example:80'",
        "f:8:11: pool[shop].node[alice].address: \"alice.example:80\"" + expected_address},
       {name + "address = 9001",
        "f:8:11: pool[shop].node[alice].address: expected a string, got an integer"},
       {good + "weight = 1001",
        "f:9:10: pool[shop].node[alice].weight: 1001 is out of range; expected 0 to 1000"},
       {good + "weight = -1",
        "f:9:10: pool[shop].node[alice].weight: -1 is out of range; expected 0 to 1000"},
       {good + "max_sessions = -1",
        "f:9:16: pool[shop].node[alice].max_sessions: -1 is out of range; expected 0 to "
        "9223372036854775807"},
       {good + "wieght = 1",
        R"(f:9:1: pool[shop].node[alice].wieght: unknown key; did you mean "weight"?)"}});
  expect_loads(with_nodes,
               {good + "weight = 0", good + "weight = 1000", good + "max_sessions = 0"});
}

TEST(KeysTest, UnknownTablesAndOddKeys) {
  expect_errors(
      beside_a_pool,
      {{"[severs]\nworkers = 1", R"(f:1:2: severs: unknown key; did you mean "server"?)"},
       {"[stats]\nport = 1",
        "f:1:2: stats: unknown key; expected one of: server, admin, hooks, cluster, log, limits, "
        "timeouts, ledger, listener, pool"},
       {R"([log]
"so\u001b[2J" = 1)",
        R"(f:2:1: log."so\x1b[2J": unknown key; expected one of: level, access, format, facility, )"
        "request_id"}});
}

}  // namespace
}  // namespace bonedry::conf::test
