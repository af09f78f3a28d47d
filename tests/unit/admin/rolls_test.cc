#include "admin/roll/rolls.h"

#include "proxy/base/file.h"
#include "tests/unit/admin/admin_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class RollsTest : public testing::Test {
 protected:
  RollsTest() { start(); }

  /// The proxy starts, with what is on disk.
  void start() {
    holds.clear();
    rolls.emplace(store, events, clock, [this] { return role; });
    const auto loaded = store.load();
    ASSERT_TRUE(loaded) << loaded.error();
    rolls->adopt(*loaded);
  }

  static Rolls::Request request(const std::string& token = "one") {
    return {{"./deploy", "", {}}, token, "root"};
  }

  /// "held", or the error.
  std::string hold(const Rolls::Request& how) {
    const auto held =
        rolls->hold(pool, how, [this](const CommandError& why) { lost.push_back(why.text); });
    if (!held) return held.error().text;
    holds.push_back(*held);
    return "held";
  }

  std::string note(const std::string& node, RollStep step, const std::string& token = "one") {
    const auto noted = rolls->note("shop", token, {node, step});
    return noted ? "noted" : noted.error().text;
  }

  /// "alice done, bob waiting"
  [[nodiscard]] std::string steps() const {
    std::string text;
    for (const RolledNode& node : rolls->find("shop")->nodes) {
      text += (text.empty() ? "" : ", ") + node.name + " " + to_string(node.step);
    }
    return text;
  }

  static NodeStatus node(const std::string& name) {
    NodeStatus status;
    status.pool = "shop";
    status.name = name;
    return status;
  }

  Rolls::Role role = Rolls::Role::deciding;
  test::TestDirectory directory;
  ManualClock clock;
  EventLog events{clock};
  RollStore store{directory / "rolls.json"};
  PoolStatus pool{"shop", {node("alice"), node("bob")}};
  std::optional<Rolls> rolls;
  std::vector<Rolls::HoldId> holds;
  std::vector<std::string> lost;
};

TEST_F(RollsTest, ARollEndsWhenAllNodesAreDone) {
  EXPECT_EQ(rolls->find("shop"), nullptr);
  EXPECT_EQ(hold(request()), "held");
  EXPECT_EQ(steps(), "alice waiting, bob waiting");
  EXPECT_EQ(note("alice", RollStep::done), "noted");
  EXPECT_EQ(rolls->find("shop")->state, RollState::unfinished);
  EXPECT_EQ(note("bob", RollStep::done), "noted");
  EXPECT_EQ(rolls->find("shop")->state, RollState::finished);
  rolls->release(holds.front());
  EXPECT_EQ(hold(request("two")), "held") << "a new one";
  EXPECT_EQ(steps(), "alice waiting, bob waiting");
}

TEST_F(RollsTest, OneAtATime) {
  EXPECT_EQ(hold(request("one")), "held");
  clock.advance(seconds{180});
  EXPECT_EQ(hold(request("two")), "shop is being rolled by root for 3m (0 of 2 nodes done)");
  EXPECT_EQ(note("alice", RollStep::bleeding, "two"), "this roll of shop has ended");
  rolls->release(holds.front());
  EXPECT_EQ(note("alice", RollStep::bleeding, "one"), "this roll of shop has ended");
  EXPECT_EQ(hold(request("two")), "held");
  EXPECT_TRUE(lost.empty());
}

TEST_F(RollsTest, TheSameRunMayConnectAgain) {
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(lost.size(), 1U) << "the first connection";
  rolls->release(holds.front());
  EXPECT_EQ(hold(request("two")), "shop is being rolled by root for 0ms (0 of 2 nodes done)");
}

TEST_F(RollsTest, GoesOnWhereItStopped) {
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(note("alice", RollStep::testing), "noted");
  rolls->release(holds.front());
  EXPECT_EQ(hold(request("two")), "held");
  EXPECT_EQ(steps(), "alice testing, bob waiting");
}

TEST_F(RollsTest, SurvivesARestartAndWaitsForItsHolder) {
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(note("alice", RollStep::updating), "noted");
  start();
  EXPECT_THAT(hold(request("two")), HasSubstr("is being rolled by root"));
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(steps(), "alice updating, bob waiting");
  start();
  clock.advance(Rolls::kHolderReturns);
  EXPECT_EQ(hold(request("two")), "held") << "the holder did not come back";
}

TEST_F(RollsTest, WhoConnectsAgainBeginsNoOther) {
  Rolls::Request again = request("one");
  again.mode = Rolls::Request::Mode::resume;
  EXPECT_EQ(hold(again), "this roll of shop has ended");
  EXPECT_EQ(hold(request("one")), "held");
  EXPECT_EQ(hold(again), "held");
  EXPECT_EQ(note("alice", RollStep::done), "noted");
  EXPECT_EQ(note("bob", RollStep::done), "noted");
  start();
  EXPECT_EQ(hold(again), "this roll of shop has ended");
  EXPECT_EQ(rolls->find("shop")->state, RollState::finished);
}

TEST_F(RollsTest, AnUnfinishedRollIsNotMixedWithAnother) {
  Rolls::Request other = request("two");
  EXPECT_EQ(hold(request("one")), "held");
  rolls->release(holds.front());
  other.plan.command = "./other";
  EXPECT_THAT(hold(other), HasSubstr("runs './deploy'; run that again, or end it with 'bonedryctl "
                                     "roll shop --abandon'"));
  other = request("two");
  other.plan.test = "./test";
  EXPECT_THAT(hold(other), HasSubstr("has no test"));
  other = request("two");
  other.plan.only = {"bob"};
  EXPECT_THAT(hold(other), HasSubstr("is for all nodes"));
  other = request("two");
  other.plan.settle = seconds{9};
  EXPECT_EQ(hold(other), "held") << "how long to wait may change";
  EXPECT_EQ(rolls->find("shop")->plan.settle, seconds{9});
}

TEST_F(RollsTest, AbandonedRollsAreOver) {
  EXPECT_EQ(hold(request()), "held");
  ASSERT_TRUE(rolls->abandon("shop", "carol"));
  EXPECT_EQ(lost, std::vector<std::string>{"the roll was abandoned by carol"});
  EXPECT_EQ(note("alice", RollStep::done), "this roll of shop has ended");
  rolls->release(holds.front());
  EXPECT_EQ(rolls->abandon("shop", "carol").error().text, "no roll of shop is unfinished");
  Rolls::Request other = request("two");
  other.plan.command = "./other";
  EXPECT_EQ(hold(other), "held");
}

TEST_F(RollsTest, OnlyNamedNodesAndNoneInMaintenance) {
  Rolls::Request some = request();
  some.plan.only = {"zoe"};
  EXPECT_EQ(hold(some), "pool shop has no node 'zoe'");
  pool.nodes[1].state = balancer::NodeState::maintenance;
  EXPECT_THAT(hold(request()), HasSubstr("shop/bob is in maintenance"));
  some.plan.only = {"bob"};
  EXPECT_EQ(hold(some), "held");
  EXPECT_EQ(steps(), "bob waiting");
}

TEST_F(RollsTest, NodesThatLeaveTheConfigLeaveTheRoll) {
  EXPECT_EQ(hold(request()), "held");
  rolls->release(holds.front());
  pool.nodes[0].removed = true;
  EXPECT_EQ(hold(request()), "held");
  EXPECT_EQ(steps(), "bob waiting");
}

TEST_F(RollsTest, FailuresAreKeptUntilTheStepIsTriedAgain) {
  EXPECT_EQ(hold(request()), "held");
  ASSERT_TRUE(rolls->note("shop", "one", {"alice", RollStep::updating, "exit code 3"}));
  EXPECT_EQ(rolls->find("shop")->nodes.front().failure, "exit code 3");
  EXPECT_EQ(events.recent().back().text, "shop/alice failed (updating): exit code 3");
  EXPECT_EQ(note("alice", RollStep::updating), "noted");
  EXPECT_EQ(rolls->find("shop")->nodes.front().failure, "");
}

TEST_F(RollsTest, NothingChangesWithoutADisk) {
  RollStore broken{directory / "absent/rolls.json"};
  Rolls without(broken, events, clock, [] { return Rolls::Role::deciding; });
  const auto held = without.hold(pool, request(), [](const CommandError&) {});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::storage_failed);
  EXPECT_EQ(without.find("shop"), nullptr);
}

TEST_F(RollsTest, AfterAStopTheHolderMayReturn) {
  EXPECT_EQ(hold(request("one")), "held");
  role = Rolls::Role::stopping;
  EXPECT_EQ(note("alice", RollStep::testing), kStopping);
  rolls->release(holds.front());
  role = Rolls::Role::deciding;
  start();
  EXPECT_THAT(hold(request("two")), HasSubstr("is being rolled by root"));
  EXPECT_EQ(hold(request("one")), "held");
}

TEST_F(RollsTest, IsFinishedWhenWhatWasMissingLeavesTheConfig) {
  EXPECT_EQ(hold(request()), "held");
  EXPECT_EQ(note("alice", RollStep::done), "noted");
  rolls->release(holds.front());
  pool.nodes[1].removed = true;
  Rolls::Request again = request("one");
  again.mode = Rolls::Request::Mode::resume;
  EXPECT_EQ(hold(again), "this roll of shop has ended");
  EXPECT_EQ(rolls->find("shop")->state, RollState::finished);
  EXPECT_EQ(hold(request("two")), "held");
  EXPECT_EQ(steps(), "alice waiting") << "a new one";
}

TEST_F(RollsTest, AnotherProcessThatDecidesHasTheFile) {
  EXPECT_EQ(hold(request()), "held");
  const auto before = read_file(directory / "rolls.json");
  role = Rolls::Role::standby;
  EXPECT_EQ(hold(request()), kTakenOver);
  EXPECT_EQ(note("alice", RollStep::done), kTakenOver);
  EXPECT_EQ(rolls->abandon("shop", "root").error().text, kTakenOver);
  rolls->release(holds.front());
  EXPECT_EQ(*read_file(directory / "rolls.json"), *before);
}

TEST_F(RollsTest, AFileThatCannotBeReadIsAnError) {
  for (const char* text : {"", "{", "[]", R"({"version":2,"rolls":{}})", R"({"version":1})",
                           R"({"version":1,"rolls":{"shop":{"state":"new"}}})"}) {
    ASSERT_TRUE(replace_file(directory / "rolls.json", text, 0600));
    const auto loaded = store.load();
    ASSERT_FALSE(loaded) << text;
    EXPECT_THAT(loaded.error(), HasSubstr("rolls.json: "));
  }
}

}  // namespace
}  // namespace bonedry::admin
