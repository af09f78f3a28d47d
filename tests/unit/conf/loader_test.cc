#include "conf/loader.h"

#include "config_text.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace bonedry::conf::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(LoaderTest, TakesTheLeastConfigWithAllDefaults) {
  const Loaded loaded = load(beside_a_pool(""));
  Config expected;
  expected.listeners = {{{"127.0.0.1", 8080}, "shop"}};
  Pool pool;
  pool.name = "shop";
  pool.nodes = {{"alice", {"127.0.0.1", 9001}}};
  expected.pools = {pool};
  EXPECT_EQ(loaded.config, expected);
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_FALSE(loaded.config.pools[0].health.active);
}

TEST(LoaderTest, ReadsEveryKeyOfTheProcess) {
  const Config config = load(beside_a_pool(R"(
[server]
workers = 4
state_dir = "state"
secrets = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]
trusted_proxies = ["10.0.0.0/8"]
underscore_names = "refuse"
[admin]
socket = "admin.sock"
[log]
level = "warn"
access = "access.log"
format = "combined"
facility = "daemon"
request_id = "respond"
[limits]
header_bytes = 1024
headers = 1000
body_bytes = 1000000
connections = 2000
connections_per_client = 30
requests_per_connection = 400
[timeouts]
handshake = "10ms"
header = "1s"
idle = "2s"
connect = "3ms"
queue = "7s"
response = "4m"
stall = "5h"
tunnel = "2d"
shutdown_delay = "8s"
shutdown = "1h30m"
[ledger]
sessions = 100000000
)"))
                            .config;
  EXPECT_EQ(config.server,
            (Server{4,
                    "state",
                    {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"},
                    "",
                    {*parse_network("10.0.0.0/8")},
                    UnderscoreNames::refuse}));
  EXPECT_EQ(config.admin.socket, "admin.sock");
  EXPECT_EQ(config.log, (Log{LogLevel::warn, "access.log", AccessFormat::combined,
                             SyslogFacility::daemon, RequestId::respond}));
  EXPECT_EQ(config.limits, (Limits{1024, 1000, 1'000'000, 2000, 30, 400}));
  EXPECT_EQ(config.timeouts, (Timeouts{Millis{10}, seconds{1}, seconds{2}, Millis{3}, seconds{7},
                                       minutes{4}, hours{5}, hours{48}, seconds{8}, minutes{90}}));
  EXPECT_EQ(config.ledger, (Ledger{100'000'000}));
}

TEST(LoaderTest, ReadsEveryKeyOfAPool) {
  const Config config = load(R"(
[server]
secret_file = "secret"
[[listener]]
address = "[::1]:0"
pool = "shop"
[[listener]]
address = "[::1]:0"
pool = "shop"
health_path = "/-/health"
[[pool]]
name = "shop"
balance = "least-exchanges"
min_active = 0
slow_start = "30s"
retry_percent = 35
upgrades = ["websocket", "irc"]
proxy_protocol = "v2"
reuse = "5s"
forwarded = "both"
on_client_gone = "finish"
[pool.session]
sticky = "none"
cookie = "seat"
cookie_path = "/shop"
cookie_domain = "example.org"
cookie_http_only = false
cookie_same_site = "none"
cookie_secure = "always"
cookie_cache = "no-cache"
idle_timeout = "1h"
pending_timeout = "2h"
max_lifetime = "7d"
renewal_grace = "11s"
on_lost = "fail"
logout = [{ method = "GET", path = "/bye" }, { method = "POST", path = "/bye" }]
exempt = [{ method = "HEAD", path = "/up", user_agent = "*bot*", client = "10.0.0.0/8" }]
logout_header = "X-Bye"
logout_cookie = "SID"
[pool.health]
path = "/healthz?deep=1"
interval = "1s"
timeout = "500ms"
rise = 1
fall = 5
passive_failures = 0
passive_hold = "1m"
[[pool.node]]
name = "alice"
address = "[2001:db8::1]:80"
weight = 0
max_sessions = 5000
max_connections = 60
max_waiting = 7
[[pool.node]]
name = "bob"
address = "10.0.0.2:65535"
weight = 1000
)")
                            .config;
  EXPECT_EQ(config.server.secret_file, "secret");
  EXPECT_EQ(config.listeners.size(), 2U);  // two times port 0 means two free ports
  EXPECT_EQ(config.listeners[1].health_path, "/-/health");
  Pool pool;
  pool.name = "shop";
  pool.balance = Balance::least_exchanges;
  pool.min_active = 0;
  pool.proxy_protocol = ProxyProtocol::v2;
  pool.slow_start = seconds{30};
  pool.retry_percent = 35;
  pool.upgrades = {"websocket", "irc"};
  pool.reuse = seconds{5};
  pool.forwarded = ForwardedFields::both;
  pool.on_client_gone = OnClientGone::finish;
  pool.session = {
      Sticky::none,
      "seat",
      {"/shop", "example.org", false, SameSite::none, Secure::always, CookieCache::no_cache},
      hours{1},
      hours{2},
      hours{7 * 24},
      seconds{11},
      OnLost::fail,
      {{"GET", "/bye"}, {"POST", "/bye"}},
      {{"HEAD", TextPattern{"/up"}, TextPattern{"bot", TextPattern::Match::part},
        parse_network("10.0.0.0/8")}},
      "X-Bye",
      "SID",
      NameSource::in_file};
  pool.health = {"/healthz?deep=1", true, seconds{1}, Millis{500}, 1, 5, 0, minutes{1}};
  pool.nodes = {{"alice", {"2001:db8::1", 80}, 0, 5000, 60, 7},
                {"bob", {"10.0.0.2", 65535}, 1000, 0}};
  EXPECT_EQ(config.pools, std::vector{pool});
}

TEST(LoaderTest, PendingTimeoutFollowsIdleTimeout) {
  const Config config = load(in_a_pool("session.idle_timeout = \"7m\"")).config;
  EXPECT_EQ(config.pools.at(0).session.pending_timeout, minutes{7});
}

TEST(LoaderTest, ActiveChecksStartWithTheirTable) {
  EXPECT_TRUE(load(in_a_pool("[pool.health]")).config.pools.at(0).health.active);
  EXPECT_TRUE(load(in_a_pool("health.rise = 1")).config.pools.at(0).health.active);
  EXPECT_EQ(load(in_a_pool("[pool.health]")).config.pools.at(0).health.path, "");
}

TEST(LoaderTest, InlineTablesAreAsGood) {
  const Config config = load(R"(
listener = [{ address = "127.0.0.1:8080", pool = "shop" }]
pool = [{ name = "shop", node = [{ name = "alice", address = "127.0.0.1:9001" }] }])")
                            .config;
  EXPECT_EQ(config, load(beside_a_pool("")).config);
}

TEST(LoaderTest, PlacesSyntaxErrors) {
  EXPECT_THAT(errors_of("[server]\nworkers = \n"), ElementsAre(::testing::StartsWith("f:2:11: ")));
  EXPECT_THAT(errors_of("[server\n"), ElementsAre(::testing::StartsWith("f:1:8: ")));
  EXPECT_THAT(errors_of("a = \"\xff\""), ElementsAre("f:1:6: invalid UTF-8"));
  EXPECT_THAT(errors_of("[server]\nworkers = 1\nworkers = 2\n"),
              ElementsAre("f:3:11: Error while parsing key-value pair: cannot redefine existing "
                          "integer 'workers'"));
}

TEST(LoaderTest, AnErrorOfSyntaxIsOneLine) {
  for (const std::string text : {"a = n\n", "a = t\x1b[2J", "\"\\u001b\" = 1\n\"\\u001b\" = 1"}) {
    const auto errors = errors_of(text);
    EXPECT_EQ(errors.size(), 1U) << text;
    EXPECT_THAT(errors, Each(::testing::Not(::testing::HasSubstr("\x1b")))) << text;
  }
}

TEST(LoaderTest, DeepNestingIsAnErrorNotACrash) {
  EXPECT_EQ(errors_of("a = " + std::string(100'000, '[')).size(), 1U);
  EXPECT_EQ(errors_of(std::string(100'000, '[')).size(), 1U);
}

TEST(LoaderTest, NeverShowsASecret) {
  // Too short, not an array, not a string, and numbers that TOML itself does not allow.
  for (const std::string text :
       {R"(server.secrets = ["hunter2"])", R"(server.secrets = "hunter2hunter2")",
        "server.secrets = [4242]", "server.secrets = [42424242424242424242424242424242]",
        "server.secrets = [0x42424242424242424242424242424242]",
        "server.secrets = [4.2e42424242424242424242424242424242]", R"(server.secrets = ["hunter2)",
        "server.secrets = [hunter2]"}) {
    const auto errors = errors_of(beside_a_pool(text));
    EXPECT_EQ(errors.size(), 1U) << text;
    EXPECT_THAT(errors, Each(::testing::Not(::testing::HasSubstr("42")))) << text;
    EXPECT_THAT(errors, Each(::testing::Not(::testing::HasSubstr("hunter")))) << text;
  }
}

TEST(LoaderTest, ReportsEverythingAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      errors_of(R"([server]
workers = -1
wrokers = 2
[[pool]]
name = "shop"
[[pool.node]]
name = "alice"
address = "alice:9001"
weight = "heavy"
[pool.session]
idle_timeout = "20x"
[[listener]]
pool = "shpo"
)"),
      ElementsAre(
          "f:2:11: server.workers: -1 is out of range; expected 0 to 256",
          R"(f:3:1: server.wrokers: unknown key; did you mean "workers"?)",
          R"(f:8:11: pool[shop].node[alice].address: "alice:9001" is not an address; expected a )"
          R"(numeric IP address and a port from 1 to 65535, e.g. "127.0.0.1:9001" or "[::1]:9001")",
          "f:9:10: pool[shop].node[alice].weight: expected an integer, got a string",
          R"(f:11:16: pool[shop].session.idle_timeout: "20x" is not a duration; expected e.g. )"
          R"("90s", "20m", "12h")",
          "f:12:1: listener[#1].address: required, but missing",
          R"(f:13:8: listener[#1].pool: unknown pool "shpo"; did you mean "shop"?)"));
}

TEST(LoaderTest, ReportsWarningsInTheOrderOfTheFile) {
  EXPECT_THAT(warnings_of(in_a_pool(R"([pool.session]
renewal_grace = "1m"
pending_timeout = "1m"
)")),
              ElementsAre(::testing::StartsWith("f:7:17: pool[shop].session.renewal_grace: "),
                          ::testing::StartsWith("f:8:19: pool[shop].session.pending_timeout: ")));
}

class LoadFileTest : public ::testing::Test {
 protected:
  LoadFileTest() {
    std::string name = ::testing::TempDir() + "bonedry_conf_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~LoadFileTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

 private:
  std::filesystem::path directory_;
};

TEST_F(LoadFileTest, LoadsAndNamesTheFile) {
  std::ofstream{path("good.toml")} << beside_a_pool("");
  std::ofstream{path("bad.toml")} << beside_a_pool("[server]\nworkers = true");
  EXPECT_TRUE(load_file(path("good.toml")));
  const auto bad = load_file(path("bad.toml"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error(),
            path("bad.toml") + ":2:11: server.workers: expected an integer, got a boolean");
}

TEST_F(LoadFileTest, TakesLineEndsOfWindowsAndAByteOrderMark) {
  std::string text = "\xef\xbb\xbf" + beside_a_pool("");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.insert(at, "\r");
  }
  std::ofstream{path("windows.toml")} << text;
  EXPECT_TRUE(load_file(path("windows.toml")));
}

TEST_F(LoadFileTest, SaysWhyAFileCannotBeRead) {
  const auto missing = load_file(path("missing.toml"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), "cannot read " + path("missing.toml") + ": No such file or directory");
  const auto directory = load_file(path(""));
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error(), "cannot read " + path("") + ": Is a directory");
  EXPECT_FALSE(load_file("/dev/zero"));
}

}  // namespace
}  // namespace bonedry::conf::test
