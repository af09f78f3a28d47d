// Stores that are there and cannot be used, or have lost something: members treat them as lost, say
// why on one line, serve their users, and go on by themselves once the store is well.
#include "tests/scenario/cluster_story.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::size_t> kEachThroughHisOwn = {0, 1, 2};

std::size_t count_of(const std::string& words, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++count;
  return count;
}

class ClusterEngineStory : public ClusterStory {
 protected:
  /// Users leave by logging out. The time-out is that of those who came before the ledgers began,
  /// without whose end no node is dry.
  static std::vector<std::string> session() { return {kLogout, R"(idle_timeout = "6s")"}; }
  /// And a pool whose users need not click to stay.
  [[nodiscard]] TestConfig two_pools(std::size_t member) const {
    TestConfig both = config(member, session());
    both.pools.push_back({.name = "news",
                          .session = {R"(cookie = "news")", R"(idle_timeout = "10m")"},
                          .nodes = {carol_}});
    return both;
  }
  void open_shop() { launch({two_pools(0), two_pools(1), two_pools(2)}); }
  /// A user comes through each member, and then only reads.
  void sit_down() const {
    for (const auto& member : members_) {
      User reader{member->address("news")};
      reader.click();
      EXPECT_EQ(reader.click().status, 200);
    }
  }
  [[nodiscard]] bool all_count_readers(std::int64_t readers) const {
    return all_come_to(
        [&](std::size_t i) { return member(i).node("carol", "news").live == readers; });
  }

  [[nodiscard]] static std::string why_lost(const BonedryProcess& member) {
    const nlohmann::json why = cluster_of(member).at("store").at("why");
    return why.is_null() ? "" : why.get<std::string>();
  }

  /// Every member says this of the store, as people and programs ask for it.
  void expect_lost(const std::string& why) const {
    ASSERT_TRUE(all_come_to([&](std::size_t i) {
      return store_state(member(i)) == "lost" && why_lost(member(i)).find(why) != std::string::npos;
    })) << why_lost(member(0));
    for (std::size_t i = 0; i < members_.size(); ++i) {
      EXPECT_TRUE(member(i).says(why)) << "p" << i + 1;
      // One that takes connections is connected for a moment with each attempt.
      EXPECT_TRUE(eventually([&] {
        const std::string status = member(i).admin("status");
        return status.find(" lost for ") != std::string::npos &&
               status.find(why) != std::string::npos;
      })) << member(i).admin("status");
    }
  }
  /// However often a member has tried again since.
  void expect_said_once(const std::string& why) const {
    std::vector<std::size_t> before;
    for (const auto& way : ways_) before.push_back(way->connections());
    ASSERT_TRUE(
        all_come_to([&](std::size_t i) { return ways_[i]->connections() >= before[i] + 2; }));
    for (std::size_t i = 0; i < members_.size(); ++i) {
      EXPECT_EQ(count_of(why, member(i).err()), 1U) << member(i).err();
    }
  }
  void expect_refused(std::size_t index, const std::string& line) const {
    const std::string answer = member(index).admin(line);
    EXPECT_THAT(answer, AllOf(StartsWith("error: "), HasSubstr("the store of the cluster is lost"),
                              HasSubstr("--local")));
    EXPECT_EQ(count_of("\n", answer), 1U) << answer;
  }
  [[nodiscard]] bool all_are_connected(Millis deadline = kDeadline) const {
    return all_come_to(
        [this](std::size_t i) {
          const nlohmann::json cluster = cluster_of(member(i));
          return cluster["store"]["state"] == "connected" && cluster["complete"] == true;
        },
        deadline);
  }
  /// All go, and the node of those who have stayed so long is empty.
  void expect_end_of_bleed(const std::vector<Visits*>& all) const {
    for (std::size_t i = 0; i < members_.size(); ++i) EXPECT_FALSE(node(i, alice_).dry);
    for (Visits* const visits : all) {
      std::vector<User> users = visits->end();
      click_through(users, {1, 2, 0});
      leave(users, {2, 0, 1});
    }
    EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
    EXPECT_EQ(moved(), 0);
  }

  FakeNode carol_{"carol"};
};

/// Two workers: what differs between one and several is told in the other stories of clusters.
INSTANTIATE_TEST_SUITE_P(Workers, ClusterEngineStory, testing::Values(2U),
                         [](const auto&) { return "TwoWorkers"; });

TEST_P(ClusterEngineStory, OneThatEvictsIsTreatedAsLost) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  order(0, "bleed alice");
  store_->run({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  const std::string why =
      R"(its maxmemory-policy must be noeviction, so that it drops no sessions, but is "allkeys-lru")";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_refused(1, "maintain bob");
  std::vector<User> users = visits.end();
  leave(users, kEachThroughHisOwn);
  ASSERT_TRUE(all_come_to([this](std::size_t i) { return node(i, alice_).sessions() == 0; }));
  expect_said_once(why);
  // All have left, and nobody may say so.
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(node(i, alice_).dry);
    EXPECT_TRUE(node(i, alice_).blocked_by("the store is lost"));
  }
  store_->run({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
  EXPECT_TRUE(all_are_connected());
  EXPECT_EQ(moved(), 0);
}

TEST_P(ClusterEngineStory, OneThatIsFullLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  store_->run({"SET", "ballast", std::string(6UL * 1024 * 1024, 'x')});
  store_->run({"CONFIG", "SET", "maxmemory", "4mb"});
  const std::string why = "it is full: its maxmemory is used up";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_refused(0, "bleed alice");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(node(i, alice_).state, "active");
  Visits late(live_users(3));
  sit_down();
  // There is just room for a connection now, and none for what comes over it.
  const std::size_t used = std::stoul(store_->info("used_memory"));
  store_->run({"CONFIG", "SET", "maxmemory", std::to_string(used + 8000)});
  expect_said_once(why);
  store_->run({"CONFIG", "SET", "maxmemory", "100mb"});
  ASSERT_TRUE(all_are_connected());
  EXPECT_TRUE(all_count(9)) << member(0).status().dump();
  EXPECT_TRUE(all_count_readers(3));
  order(0, "bleed alice");
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  expect_end_of_bleed({&visits, &late});
}

TEST_P(ClusterEngineStory, AReplicaIsNotWrittenTo) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  sit_down();
  order(0, "bleed alice");
  const RedisServer primary;
  store_->become_replica_of(primary);
  const std::string why = "it is a replica of 127.0.0.1 port ";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_refused(2, "activate alice");
  expect_said_once(why);
  EXPECT_TRUE(node(0, alice_).blocked_by("the store is lost"));
  // It has taken over the data of the other one, which has none.
  store_->become_primary();
  ASSERT_TRUE(all_are_connected());
  EXPECT_TRUE(all_count(6)) << member(0).status().dump();
  EXPECT_TRUE(all_count_readers(3));
  expect_end_of_bleed({&visits});
}

TEST_P(ClusterEngineStory, OneThatTakesConnectionsAndNoWritesIsToldOfOnce) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  order(0, "bleed alice");
  store_->run({"CONFIG", "SET", "min-replicas-to-write", "1"});
  const std::string why = "it takes no writes, since it has too few good replicas";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_said_once(why);
  store_->run({"CONFIG", "SET", "min-replicas-to-write", "0"});
  ASSERT_TRUE(all_are_connected());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually([&] { return count_of(" is connected", member(i).err()) == 2; }))
        << member(i).err();
  }
  expect_end_of_bleed({&visits});
}

TEST_P(ClusterEngineStory, OneThatLoadsIsWaitedForAndItsOldDataDoNoHarm) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  store_->run({"EVAL",
               "for i = 1, 3000 do redis.call('SET', 'ballast' .. i, string.rep('x', 2000)) end",
               "0"});
  store_->run({"CONFIG", "SET", "rdbcompression", "no"});
  store_->run({"SAVE"});
  Visits late(live_users(3));
  sit_down();
  order(0, "bleed alice");
  store_->kill();
  store_->start_slowly();
  const std::string why = "it is loading its data";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_refused(0, "activate alice");
  expect_said_once(why);
  store_->run({"CONFIG", "SET", "key-load-delay", "0"});
  ASSERT_TRUE(all_are_connected());
  EXPECT_TRUE(all_count(9)) << member(0).status().dump();
  EXPECT_TRUE(all_count_readers(3));
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  expect_end_of_bleed({&visits, &late});
}

TEST_P(ClusterEngineStory, AnotherProgramHasTakenItsAddress) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  Visits visits(live_users(6));
  order(0, "bleed alice");
  NodeServer web("web", [](Socket& client, std::size_t /*number*/) {
    if (client.wait_readable(kDeadline)) client.send_all("HTTP/1.1 400 Bad Request\r\n\r\n");
    (void)client.receive_all();
  });
  web.start();
  for (const auto& way : ways_) way->lead_to(web.address());
  const std::string why = "an HTTP server is there, no Redis or Valkey";
  ASSERT_NO_FATAL_FAILURE(expect_lost(why));
  expect_refused(0, "activate alice");
  expect_said_once(why);
  for (const auto& way : ways_) way->lead_to(store_->address());
  ASSERT_TRUE(all_are_connected());
  expect_end_of_bleed({&visits});
}

// -- Sentinels ------------------------------------------------------------------------------------

/// The store is a primary with a replica that three sentinels watch.
class ClusterFailoverStory : public ClusterEngineStory {
 protected:
  void SetUp() override {
    ClusterEngineStory::SetUp();
    if (!IsSkipped()) set_.emplace("shop", 3);
  }
  void open_watched_shop() {
    std::string sentinels;
    for (const std::string& address : set_->sentinel_addresses()) {
      sentinels += (sentinels.empty() ? "\"" : ", \"") + address + '"';
    }
    std::vector<TestConfig> configs;
    for (std::size_t i = 0; i < 3; ++i) {
      configs.push_back(two_pools(i));
      configs.back().sections[2] = "store = \"" + set_->url() + '"';
      configs.back().sections.push_back("sentinels = [" + sentinels + "]");
    }
    launch(configs);
  }
  [[nodiscard]] bool all_are_at(const RedisServer& primary) const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const nlohmann::json store = cluster_of(member(i)).at("store");
      if (store.at("state") != "connected" || store.at("address") != primary.address())
        return false;
    }
    return true;
  }

  std::optional<RedisSet> set_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterFailoverStory, testing::Values(2U),
                         [](const auto&) { return "TwoWorkers"; });

TEST_P(ClusterFailoverStory, AReplicaThatLacksTheLastWritesTakesOver) {
  ASSERT_NO_FATAL_FAILURE(open_watched_shop());
  Visits visits(live_users(6));
  ASSERT_TRUE(all_count(6));
  set_->stop_replication();
  Visits late(live_users(3));
  sit_down();
  order(0, "bleed alice");
  ASSERT_TRUE(all_count(9) && all_count_readers(3));
  set_->first().run({"SET", "last", "x"});
  set_->first().kill();
  const bool taken_over = eventually(
      [&] {
        for (std::size_t i = 0; i < 3; ++i) {
          EXPECT_EQ(node(i, alice_).state, "bleeding") << "p" << i + 1;
          EXPECT_FALSE(node(i, alice_).dry);
        }
        return all_are_at(set_->second());
      },
      kDeadline * 6, Millis{200});
  ASSERT_TRUE(taken_over) << why_lost(member(0)) << set_->sentinel(0).log();
  EXPECT_EQ(set_->second().run({"GET", "last"}), "") << "it has lost nothing";
  ASSERT_TRUE(all_are_connected());
  EXPECT_TRUE(all_count(9)) << member(0).status().dump();
  EXPECT_TRUE(all_count_readers(3));
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  expect_end_of_bleed({&visits, &late});
}

}  // namespace
}  // namespace bonedry::test
