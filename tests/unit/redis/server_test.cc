// The client with a real server.
#include "proxy/redis/client.h"
#include "tests/support/certificates.h"
#include "tests/support/redis_server.h"
#include "tests/unit/redis/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::redis {
namespace {

using bonedry::test::CertificateAuthority;
using bonedry::test::kNoRedis;
using bonedry::test::redis_program;
using bonedry::test::RedisServer;
using bonedry::test::TempDir;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class RedisServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << kNoRedis;
  }
};

Settings settings_of(const std::string& url, const std::string& username = "",
                     const std::string& password = "") {
  Settings settings = *parse_store_url(url, {});
  settings.username = username;
  settings.password = password;
  return settings;
}

TEST_F(RedisServerTest, RunsCommands) {
  const RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.client().run_id(), server.info("run_id"));
  EXPECT_EQ(rig.client().address(), server.address());
  const std::string bytes("\0\r\n\xff", 4);
  EXPECT_EQ(rig.run({"SET", "key", bytes}), "OK");
  EXPECT_EQ(rig.run({"GET", "key"}), bytes);
  EXPECT_EQ(rig.run({"GET", "nothing"}), "(nil)");
  EXPECT_EQ(rig.run({"DBSIZE"}), "(integer) 1");
  EXPECT_EQ(rig.run({"LRANGE", "none", "0", "-1"}), "(array) 0");
  EXPECT_THAT(rig.run({"LPOP", "key"}), StartsWith("error: WRONGTYPE"));
  EXPECT_EQ(rig.run({"EVAL", "return {1, {ARGV[1]}}", "0", "x"}), "(array) 2");
  EXPECT_THAT(rig.run({"EVALSHA", std::string(40, '0'), "0"}), StartsWith("error: NOSCRIPT"));
  EXPECT_TRUE(rig.losses.empty());
}

TEST_F(RedisServerTest, LargeTextsGoBothWays) {
  const RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  rig.stop_time();
  const std::string large(4UL * 1024 * 1024, 'x');
  EXPECT_EQ(rig.run({"SET", "key", large}), "OK");
  EXPECT_TRUE(rig.run({"GET", "key"}) == large);
}

TEST_F(RedisServerTest, AUnixSocketAndADatabase) {
  const RedisServer server;
  Rig rig("unix://" + server.socket_path() + "?db=2");
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.client().address(), server.socket_path());
  EXPECT_EQ(rig.run({"SET", "key", "x"}), "OK");
  EXPECT_EQ(server.run({"DBSIZE"}), "0") << "of database 0";
  Rig other("redis://" + server.address() + "/99");
  EXPECT_THAT(other.next_loss(), HasSubstr(": no database 99"));
}

TEST_F(RedisServerTest, Passwords) {
  const RedisServer server({"--requirepass", "secret"});
  const auto loss = [&](const std::string& username, const std::string& password) {
    return Rig(settings_of(server.url(), username, password)).next_loss();
  };
  EXPECT_THAT(loss("", ""), EndsWith(": it asks for a password, and none is configured"));
  EXPECT_THAT(loss("", "wrong"), EndsWith(": wrong username or password"));
  EXPECT_THAT(loss("nobody", "secret"), EndsWith(": wrong username or password"));
  Rig rig(settings_of(server.url(), "", "secret"));
  EXPECT_TRUE(rig.turn_until_connected());
  const RedisServer open;
  EXPECT_THAT(Rig(settings_of(open.url(), "", "secret")).next_loss(),
              HasSubstr("it has no password, but one is configured here"));
}

TEST_F(RedisServerTest, Users) {
  const RedisServer server;
  server.run({"ACL", "SETUSER", "half", "on", ">secret", "+ping", "+select"});
  server.run({"ACL", "SETUSER", "whole", "on", ">secret", "~*", "+@all"});
  EXPECT_THAT(
      Rig(settings_of(server.url(), "half", "secret")).next_loss(),
      AllOf(HasSubstr(": the user may not do what is needed: \"NOPERM "), HasSubstr("info")));
  Rig rig(settings_of(server.url(), "whole", "secret"));
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST_F(RedisServerTest, MustNotEvict) {
  const RedisServer server({"--maxmemory-policy", "allkeys-lru"});
  Rig rig(server.url(), kManyChecks);
  EXPECT_THAT(rig.next_loss(), HasSubstr("maxmemory-policy must be noeviction"));
  server.run({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  EXPECT_TRUE(rig.turn_until_connected());
  server.run({"CONFIG", "SET", "maxmemory-policy", "volatile-ttl"});
  EXPECT_THAT(rig.next_loss(), HasSubstr("\"volatile-ttl\""));
}

TEST_F(RedisServerTest, IsFull) {
  const RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.run({"SET", "key", std::string(6UL * 1024 * 1024, 'x')}), "OK");
  server.run({"CONFIG", "SET", "maxmemory", "4mb"});
  EXPECT_THAT(rig.run({"EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "other"}),
              StartsWith("lost: "));
  EXPECT_FALSE(rig.turn_until([&] { return rig.client().connected(); }, Millis{300}));
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith(": it is full: its maxmemory is used up")));
  server.run({"DEL", "key"});
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST_F(RedisServerTest, CannotSave) {
  const RedisServer server({"--save", "3600 1"});
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  server.fail_to_save();
  EXPECT_THAT(rig.run({"SET", "key", "x"}), EndsWith("it cannot save its data to disk"));
  EXPECT_FALSE(rig.turn_until([&] { return rig.client().connected(); }, Millis{300}));
  EXPECT_EQ(rig.losses.size(), 1U);
  server.run({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"});
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST_F(RedisServerTest, AReplicaIsNoStore) {
  const RedisServer primary;
  const RedisServer replica;
  Rig rig(replica.url(), kManyChecks);
  ASSERT_TRUE(rig.turn_until_connected());
  replica.become_replica_of(primary);
  EXPECT_THAT(rig.next_loss(), HasSubstr(": it is a replica of 127.0.0.1 port "));
  replica.become_primary();
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST_F(RedisServerTest, AWriteFindsTheReplica) {
  const RedisServer primary;
  const RedisServer replica;
  Rig rig(replica.url());
  ASSERT_TRUE(rig.turn_until_connected());
  replica.become_replica_of(primary);
  EXPECT_THAT(rig.run({"SET", "key", "x"}), StartsWith("lost: "));
}

TEST_F(RedisServerTest, IsKilledAndComesBackAsAnother) {
  RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  const std::string first = rig.client().run_id();
  server.kill();
  EXPECT_THAT(rig.next_loss(), EndsWith(": it closed the connection"));
  EXPECT_THAT(rig.next_loss(), EndsWith(": Connection refused"));
  server.start();
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_NE(rig.client().run_id(), first);
}

TEST_F(RedisServerTest, ACommandThatWaitsWhenItDiesIsToldOnce) {
  RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  rig.stop_time();
  std::vector<int> told(1000);
  int all = 0;
  const auto send = [&](std::size_t at) {
    rig.client().send({"SET", "key", std::string(1000, 'x')}, [&, at](const auto&) {
      ++told[at];
      ++all;
    });
  };
  for (std::size_t at = 0; at < 500; ++at) send(at);
  ASSERT_TRUE(rig.turn_until([&] { return all > 0; }));
  server.freeze();
  for (std::size_t at = 500; at < 1000; ++at) send(at);
  server.kill();
  ASSERT_TRUE(rig.turn_until([&] { return all == 1000; }));
  EXPECT_THAT(told, Each(1));
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith(": it closed the connection")));
}

TEST_F(RedisServerTest, LoadsItsData) {
  RedisServer server({"--rdbcompression", "no"});
  for (int at = 0; at < 40; ++at) {
    server.run({"SET", std::to_string(at), std::string(2000, 'x')});
  }
  server.run({"SAVE"});
  server.kill();
  server.start_slowly();
  Rig rig(server.url());
  EXPECT_THAT(rig.next_loss(), EndsWith(": it is loading its data"));
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.run({"DBSIZE"}), "(integer) 40");
  EXPECT_EQ(rig.losses.size(), 1U);
}

TEST_F(RedisServerTest, FreezesAndWakes) {
  RedisServer server;
  Rig rig(server.url());
  ASSERT_TRUE(rig.turn_until_connected());
  server.freeze();
  std::string told;
  rig.client().send({"PING"}, [&](const auto& reply) { told = Rig::as_line(reply); });
  rig.pass(Millis{2100});
  ASSERT_THAT(rig.losses, ElementsAre(EndsWith(": no answer within 2 s")));
  EXPECT_EQ(told, "lost: " + rig.losses.back());
  server.thaw();
  Rig other(server.url());
  EXPECT_TRUE(other.turn_until_connected());
}

TEST_F(RedisServerTest, KeepsItsDataIfToldTo) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  server.run({"SET", "key", "x"});
  server.kill();
  server.start();
  EXPECT_EQ(server.run({"GET", "key"}), "x");
  server.kill();
  server.start_empty();
  EXPECT_EQ(server.run({"GET", "key"}), "");
}

TEST_F(RedisServerTest, ASentinelIsNoStore) {
  const RedisServer server;
  const bonedry::test::RedisSentinel sentinel("shop", server);
  EXPECT_THAT(Rig("redis://" + sentinel.address() + "/1").next_loss(),
              EndsWith(": it is a sentinel, whose address belongs into sentinels"));
}

// -- TLS ------------------------------------------------------------------------------------------

/// A server that speaks only TLS.
class RedisTlsTest : public RedisServerTest {
 protected:
  [[nodiscard]] std::vector<std::string> arguments(const std::string& name) const {
    const auto own = inside_.issue({.names = {name}});
    bonedry::test::write_file(dir_ / "cert.pem", own.certificate);
    bonedry::test::write_file(dir_ / "key.pem", own.key);
    return {"--tls-cert-file", dir_ / "cert.pem",    "--tls-key-file",
            dir_ / "key.pem",  "--tls-auth-clients", "no"};
  }
  [[nodiscard]] Settings settings(const std::string& address) const {
    Settings settings = *parse_store_url("rediss://" + address, {});
    settings.tls->ca = {"ca.pem", inside_.certificate()};
    return settings;
  }
  void SetUp() override {
    RedisServerTest::SetUp();
    if (IsSkipped()) return;
    if (RedisServer().run({"CONFIG", "GET", "tls-port"}).empty()) {
      GTEST_SKIP() << redis_program() << " is built without TLS";
    }
  }

  const TempDir dir_;
  const CertificateAuthority inside_{"Inside"};
};

TEST_F(RedisTlsTest, TheServerMustHaveTheAddress) {
  RedisServer server;
  server.kill();
  server.speak_tls(arguments("127.0.0.1"));
  Rig rig(settings(server.address()));
  ASSERT_TRUE(rig.turn_until_connected()) << rig.losses.back();
  rig.stop_time();
  const std::string large(1024UL * 1024, 'x');
  EXPECT_EQ(rig.run({"SET", "key", large}), "OK");
  EXPECT_TRUE(rig.run({"GET", "key"}) == large);
}

TEST_F(RedisTlsTest, AnotherNameIsRefused) {
  RedisServer server;
  server.kill();
  server.speak_tls(arguments("redis.internal"));
  EXPECT_THAT(Rig(settings(server.address())).next_loss(), HasSubstr("IP address mismatch"));
  Settings named = settings(server.address());
  named.tls->server_name = "redis.internal";
  Rig rig(named);
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST_F(RedisTlsTest, AnUnknownIssuerIsRefused) {
  RedisServer server;
  server.kill();
  server.speak_tls(arguments("127.0.0.1"));
  EXPECT_THAT(Rig(*parse_store_url("rediss://" + server.address(), {})).next_loss(),
              HasSubstr("unable to get local issuer certificate"));
}

TEST_F(RedisTlsTest, BothSidesMustSpeakIt) {
  const RedisServer plain;
  Rig rig(settings(plain.address()));
  ASSERT_TRUE(rig.turn_until([&] { return !rig.client().address().empty(); }));
  rig.pass(Millis{2100});
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith(": no TLS connection within 2 s")));
  RedisServer server;
  server.kill();
  server.speak_tls(arguments("127.0.0.1"));
  EXPECT_THAT(Rig(server.url()).next_loss(),
              EndsWith(": it closed the connection before it answered; is it a Redis or Valkey "
                       "server without TLS?"));
}

}  // namespace
}  // namespace bonedry::redis
