// Members whose ledgers are kept together by a real store.
#include "admin/cluster/session_sync.h"
#include "tests/unit/session_sync/fake_sessions.h"
#include "tests/unit/session_sync/store_rig.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>

namespace bonedry::admin::cluster {
namespace {

using bonedry::test::kNoRedis;
using bonedry::test::redis_program;
using bonedry::test::RedisServer;
using session::Answer;
using std::chrono::hours;
using std::chrono::minutes;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = session::SessionChange::Kind;

constexpr session::NodeSlot kNode1 = 1;
constexpr session::NodeSlot kNode2 = 2;

/// A member with a connection and a loop of its own.
class SyncedMember {
 public:
  SyncedMember(const std::string& url, const std::string& name)
      : store(url),
        index_(store.client, "t", name),
        sync({name, name + "-process"},
             {[] {
                return std::vector<SyncNode>{{kNode1, kShop1, minutes{30}, SyncNode::Rotation::in},
                                             {kNode2, kShop2, minutes{30}, SyncNode::Rotation::in}};
              },
              [] {
                return std::vector<std::string>{"p1", "p2"};
              }},
             index_, sessions, clock, store.loop.timers()) {
    store.connected = [this] { sync.on_connected(store.client.run_id()); };
    store.lost = [this] { sync.on_lost(); };
  }

  SystemClock clock;
  FakeSessions sessions;
  StoreConnection store;

 private:
  StoredIndex index_;

 public:
  SessionSync sync;
};

class StoredSyncTest : public testing::Test {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << kNoRedis;
    server = std::make_unique<RedisServer>();
    one = std::make_unique<SyncedMember>(server->url(), "p1");
    two = std::make_unique<SyncedMember>(server->url(), "p2");
  }
  /// Both loops turn until something has happened.
  bool turn_until(const std::function<bool()>& happened) {
    const auto start = bonedry::test::TestClock::now();
    while (!happened()) {
      if (bonedry::test::elapsed_since(start) > bonedry::test::kDeadline) return false;
      for (SyncedMember* const member : {one.get(), two.get()}) {
        uv_run(member->store.loop.raw(), UV_RUN_NOWAIT);
      }
      std::this_thread::sleep_for(Millis{1});
    }
    return true;
  }
  bool turn_until_whole() {
    return turn_until([this] { return one->sync.whole() && two->sync.whole(); });
  }
  bool turn_until_lost(const std::string& why) {
    return turn_until([&] {
      const auto& losses = one->store.losses;
      return !losses.empty() && losses.back().find(why) != std::string::npos;
    });
  }
  Answer ask(SyncedMember& member, std::uint64_t number) {
    session::SessionQuestion question;
    question.key = key_of(number);
    question.created = member.clock.now() - hours{1};
    std::optional<Answer> answer;
    member.sync.ask(question, [&answer](Answer given) { answer = given; });
    EXPECT_TRUE(turn_until([&answer] { return answer.has_value(); }));
    return answer.value_or(Answer::uncertain);
  }
  /// Asked until the store answers in time, which takes a while where there is much to do.
  Answer ask_until_certain(SyncedMember& member, std::uint64_t number) {
    Answer answer = Answer::uncertain;
    EXPECT_TRUE(turn_until([&] {
      answer = ask(member, number);
      return answer != Answer::uncertain;
    }));
    return answer;
  }
  session::SessionChange at(Kind kind, std::uint64_t number, session::NodeSlot node = kNode1) {
    return change(kind, number, node, SystemClock().now());
  }
  bool counts(SyncedMember& member, session::NodeSlot node, std::uint64_t live) {
    return turn_until([&] {
      const auto count = member.sync.count(node);
      return count && count->live == live;
    });
  }

  std::unique_ptr<RedisServer> server;
  std::unique_ptr<SyncedMember> one;
  std::unique_ptr<SyncedMember> two;
};

TEST_F(StoredSyncTest, AUserOfOneMemberIsKnownToTheOtherAndCountedOnce) {
  one->sessions.due = {at(Kind::present, 1), at(Kind::present, 2, kNode2)};
  two->sessions.due = {at(Kind::present, 2, kNode2)};
  ASSERT_TRUE(turn_until_whole());
  ASSERT_TRUE(turn_until([this] { return one->sessions.due.empty(); }));
  EXPECT_EQ(ask_until_certain(*two, 1), Answer::known);
  ASSERT_THAT(two->sessions.adopted, Not(IsEmpty()));
  EXPECT_EQ(two->sessions.adopted[0].node, kNode1);
  EXPECT_EQ(ask_until_certain(*two, 99), Answer::ended);
  EXPECT_TRUE(counts(*two, kNode1, 1));
  EXPECT_TRUE(counts(*one, kNode2, 1));
}

TEST_F(StoredSyncTest, ALogoutAndAMoveAreHeardByTheOther) {
  ASSERT_TRUE(turn_until_whole());
  one->sessions.due = {at(Kind::present, 1), at(Kind::present, 2)};
  ASSERT_TRUE(counts(*one, kNode1, 2));
  session::SessionChange moved = at(Kind::present, 2, kNode2);
  moved.placed = SystemClock().now();
  two->sessions.due = {at(Kind::left, 1), moved};
  ASSERT_TRUE(
      turn_until([this] { return !one->sessions.ended.empty() && !one->sessions.moved.empty(); }));
  EXPECT_EQ(one->sessions.ended[0].first, key_of(1));
  EXPECT_EQ(one->sessions.moved[0].key, key_of(2));
  EXPECT_EQ(one->sessions.moved[0].to, kNode2);
  EXPECT_EQ(ask_until_certain(*one, 1), Answer::ended);
  EXPECT_THAT(two->sessions.ended, IsEmpty());
}

TEST_F(StoredSyncTest, AStoreThatComesBackEmptyIsToldAllAgain) {
  one->sessions.all = {{at(Kind::present, 1)}, {at(Kind::present, 2)}};
  two->sessions.all = {{at(Kind::present, 3, kNode2)}};
  ASSERT_TRUE(turn_until_whole());
  ASSERT_TRUE(counts(*one, kNode1, 2));
  server->kill();
  ASSERT_TRUE(
      turn_until([this] { return !one->store.losses.empty() && !two->store.losses.empty(); }));
  EXPECT_EQ(ask(*two, 1), Answer::uncertain);
  EXPECT_EQ(one->sync.complete_run(), "");
  server->start_empty();
  ASSERT_TRUE(turn_until_whole());
  EXPECT_EQ(one->sync.complete_run(), server->info("run_id"));
  EXPECT_EQ(ask_until_certain(*two, 1), Answer::known);
  EXPECT_EQ(ask_until_certain(*one, 3), Answer::known);
}

TEST_F(StoredSyncTest, AStoreThatIsEmptiedUnderWayIsToldAllAgain) {
  one->sessions.all = {{at(Kind::present, 1)}};
  one->sessions.due = {at(Kind::left, 7)};
  ASSERT_TRUE(turn_until_whole());
  server->run({"FLUSHALL"});
  ASSERT_TRUE(turn_until([this] { return one->sync.statistics().full_sends > 1; }));
  ASSERT_TRUE(turn_until_whole());
  EXPECT_EQ(ask_until_certain(*two, 1), Answer::known);
}

TEST_F(StoredSyncTest, NothingIsLostToAStoreThatIsFull) {
  ASSERT_TRUE(turn_until_whole());
  server->run({"CONFIG", "SET", "maxmemory", "1"});
  one->sessions.due = {at(Kind::present, 1), at(Kind::left, 2)};
  ASSERT_TRUE(turn_until_lost("full"));
  EXPECT_FALSE(one->sync.whole());
  server->run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(turn_until_whole());
  ASSERT_TRUE(counts(*one, kNode1, 1));
  EXPECT_EQ(ask_until_certain(*two, 1), Answer::known);
  EXPECT_EQ(ask_until_certain(*two, 2), Answer::ended);
}

TEST_F(StoredSyncTest, NothingIsLostToAStoreThatHasBecomeAReplica) {
  const RedisServer other;
  ASSERT_TRUE(turn_until_whole());
  one->sessions.all = {{at(Kind::present, 5)}};
  server->become_replica_of(other);
  one->sessions.due = {at(Kind::present, 1), at(Kind::left, 2)};
  ASSERT_TRUE(turn_until_lost("replica"));
  server->become_primary();
  ASSERT_TRUE(turn_until_whole());
  EXPECT_EQ(ask_until_certain(*two, 1), Answer::known);
  EXPECT_EQ(ask_until_certain(*two, 2), Answer::ended);
  EXPECT_EQ(ask_until_certain(*two, 5), Answer::known) << "the other primary had nothing";
}

TEST_F(StoredSyncTest, AStoreThatHangsIsNotWaitedFor) {
  ASSERT_TRUE(turn_until_whole());
  server->freeze();
  EXPECT_EQ(ask(*two, 1), Answer::uncertain);
  EXPECT_TRUE(turn_until_lost("")) << "and then it counts as lost";
  server->thaw();
  EXPECT_TRUE(turn_until_whole());
}

}  // namespace
}  // namespace bonedry::admin::cluster
