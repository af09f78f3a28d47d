// The client with sentinels: real ones, and a scripted one.
#include "proxy/redis/client.h"
#include "tests/support/redis_server.h"
#include "tests/unit/redis/fake_store.h"
#include "tests/unit/redis/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::redis {
namespace {

using bonedry::test::kNoRedis;
using bonedry::test::ListeningPort;
using bonedry::test::redis_program;
using bonedry::test::RedisServer;
using bonedry::test::RedisSet;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

Settings watched_by(const std::vector<std::string>& sentinels) {
  std::vector<conf::Address> addresses;
  for (const std::string& one : sentinels) addresses.push_back(*conf::parse_address(one));
  return *parse_store_url("redis://shop", addresses);
}

/// A sentinel's answer.
std::string primary_at(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  return "*2\r\n" + FakeConnection::text(address.substr(0, colon)) +
         FakeConnection::text(address.substr(colon + 1));
}

TEST(SentinelTest, NamesThePrimary) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.fall_silent();
  });
  FakeStore sentinel([&](FakeConnection& connection) {
    EXPECT_EQ(connection.receive(), (Words{"SENTINEL", "get-master-addr-by-name", "shop"}));
    connection.send(primary_at(store.address()));
  });
  Rig rig(watched_by({sentinel.address()}));
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.client().address(), store.address());
}

TEST(SentinelTest, OthersAreAskedIfOneDoesNotKnow) {
  const ListeningPort nobody;
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.fall_silent();
  });
  FakeStore ignorant([&](FakeConnection& connection) {
    connection.receive();
    connection.send("*-1\r\n");
  });
  FakeStore wise([&](FakeConnection& connection) {
    connection.receive();
    connection.send(primary_at(store.address()));
  });
  Rig rig(watched_by({nobody.address(), wise.address(), ignorant.address()}));
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_TRUE(rig.losses.empty());
}

TEST(SentinelTest, SaysWhatIsWrongWithEach) {
  const ListeningPort nobody;
  FakeStore ignorant([&](FakeConnection& connection) {
    connection.receive();
    connection.send("*-1\r\n");
  });
  FakeStore naming([&](FakeConnection& connection) {
    connection.receive();
    connection.send(primary_at("redis-1:6379"));
  });
  FakeStore other([&](FakeConnection& connection) { connection.send("HTTP/1.1 400\r\n"); });
  Rig rig(watched_by({nobody.address(), ignorant.address(), naming.address(), other.address()}));
  EXPECT_EQ(rig.next_loss(), "the sentinel at " + nobody.address() +
                                 ": Connection refused; the sentinel at " + ignorant.address() +
                                 ": it does not know \"shop\"; the sentinel at " +
                                 naming.address() +
                                 ": it has the primary at \"redis-1\", which is not numeric; "
                                 "host names are not resolved; the sentinel at " +
                                 other.address() + ": an HTTP server is there, no Redis or Valkey");
  ASSERT_TRUE(rig.turn_until([&] { return other.connections() == 2; }));
  EXPECT_EQ(rig.losses.size(), 1U) << "whoever is asked first";
}

TEST(SentinelTest, LogsInIfASentinelWantsIt) {
  FakeStore store([](FakeConnection& connection) {
    connection.receive();
    connection.send("+OK\r\n");
    connection.answer_greeting();
    connection.fall_silent();
  });
  FakeStore sentinel([&](FakeConnection& connection) {
    connection.receive();
    connection.send("-NOAUTH Authentication required.\r\n");
    EXPECT_EQ(connection.receive(), (Words{"AUTH", "secret"}));
    EXPECT_EQ(connection.receive().front(), "SENTINEL");
    connection.send("+OK\r\n" + primary_at(store.address()));
  });
  Settings settings = watched_by({sentinel.address()});
  EXPECT_THAT(Rig(settings).next_loss(),
              EndsWith("it asks for a password, and none is configured"));
  settings.password = "secret";
  Rig rig(settings);
  EXPECT_TRUE(rig.turn_until_connected());
}

TEST(SentinelTest, ASentinelMayBeSilent) {
  FakeStore silent([](FakeConnection& connection) { connection.fall_silent(); });
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.fall_silent();
  });
  FakeStore wise([&](FakeConnection& connection) {
    connection.receive();
    connection.send(primary_at(store.address()));
  });
  Rig rig(watched_by({wise.address(), silent.address()}));
  EXPECT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(silent.connections(), 1);
  EXPECT_THAT(rig.losses, IsEmpty());
}

class FailoverTest : public testing::Test {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << kNoRedis;
  }
  static void follow(Rig& rig, const RedisServer& primary) {
    EXPECT_TRUE(rig.turn_until(
        [&] { return rig.client().address() == primary.address() && rig.client().connected(); },
        kDeadline * 6));
    EXPECT_EQ(rig.client().run_id(), primary.info("run_id"));
    EXPECT_EQ(rig.run({"SET", "key", "x"}), "OK");
  }
};

TEST_F(FailoverTest, FollowsThePrimary) {
  RedisSet set("shop");
  Rig rig(watched_by(set.sentinel_addresses()), kManyChecks);
  follow(rig, set.first());
  set.first().kill();
  follow(rig, set.second());
}

TEST_F(FailoverTest, LeavesADemotedPrimary) {
  RedisSet set("shop", 3);
  Rig rig(watched_by(set.sentinel_addresses()), kManyChecks);
  follow(rig, set.first());
  set.fail_over();
  follow(rig, set.second());
  set.sentinel(0).kill();
  set.sentinel(2).kill();
  Rig late(watched_by(set.sentinel_addresses()), kManyChecks);
  follow(late, set.second());  // one sentinel is enough
}

}  // namespace
}  // namespace bonedry::redis
