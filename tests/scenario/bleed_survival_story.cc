// An operator's commands survive restarts, kill -9 and reloads; and the proxy never takes a lost
// ledger to mean that there are no sessions.
#include "tests/scenario/story.h"

#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

enum class End { orderly, killed };

class SurvivalStory : public ShopStory {
 protected:
  void end_and_start(End how) {
    how == End::killed ? bonedry_->kill9() : bonedry_->stop();
    bonedry_->start();
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, SurvivalStory, worker_counts(), name_of_workers);

TEST_P(SurvivalStory, ABleedSurvivesRestartAndKill) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice --reason \"update 4.2\" --deadline 2h");
  const auto before = node(alice_).bleeding;
  for (const End end : {End::orderly, End::killed, End::killed}) {
    end_and_start(end);
    const NodeView view = node(alice_);
    ASSERT_EQ(view.state, "bleeding");
    ASSERT_FALSE(view.dry);
    for (const char* what : {"since", "reason", "deadline", "by"}) {
      ASSERT_EQ(view.bleeding.at(what), before.at(what)) << what;
    }
    user.go_to(bonedry_->address());
    ASSERT_FALSE(user.click().headers.has("Set-Cookie"));
    ASSERT_EQ(user.node(), "alice");
    User stranger{bonedry_->address()};
    stranger.click();
    ASSERT_EQ(stranger.node(), "bob");
  }
}

TEST_P(SurvivalStory, ABleedSurvivesAKillRightAfterItsAnswer) {
  for (int i = 0; i < 3; ++i) {
    launch(config());
    order("bleed alice");
    bonedry_->kill9();
    bonedry_->start();
    EXPECT_EQ(node(alice_).state, "bleeding");
  }
}

TEST_P(SurvivalStory, DrynessSurvivesAsALatch) {
  launch(config());
  order("bleed alice");
  ASSERT_TRUE(eventually_dry(alice_));
  for (const End end : {End::orderly, End::killed}) {
    end_and_start(end);
    EXPECT_TRUE(node(alice_).dry) << "although the ledger may be incomplete";
    EXPECT_EQ(ctl().code({"wait", "alice"}), 0);
    User stranger{bonedry_->address()};
    stranger.click();
    EXPECT_EQ(stranger.node(), "bob");
  }
}

TEST_P(SurvivalStory, MaintenanceAndActivationSurvive) {
  launch(config());
  order("bleed alice");
  ASSERT_TRUE(eventually_dry(alice_));
  order("maintain alice");
  end_and_start(End::killed);
  EXPECT_EQ(node(alice_).state, "maintenance");
  order("activate alice");
  end_and_start(End::killed);
  EXPECT_EQ(node(alice_).state, "active");
  EXPECT_EQ(new_user_on(alice_).click().status, 200);
}

TEST_P(SurvivalStory, ADeadlineThatPassedMeanwhileIsKept) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice --deadline 300ms");
  bonedry_->kill9();
  std::this_thread::sleep_for(Millis{400});  // the deadline passes while no process runs
  bonedry_->start();
  user.go_to(bonedry_->address());
  ASSERT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
}

TEST_P(SurvivalStory, AReloadNeverUnbleeds) {
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice --reason update");
  TestConfig changed = config();
  changed.pools[0].nodes[0].keys = {"weight = 50"};
  FakeNode carol{"carol"};
  changed.pools[0].nodes.emplace_back(carol);
  for (int i = 0; i < 3; ++i) {
    bonedry_->configure(changed);
    order("reload");
    EXPECT_EQ(node(alice_).state, "bleeding");
    EXPECT_EQ(node(alice_).bleeding.at("reason"), "update");
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "alice");
    changed.pools[0].nodes[0].keys.clear();
  }
  EXPECT_EQ(new_user_on(carol).click().status, 200) << "the rest of the reload took effect";
  ASSERT_TRUE(eventually([this] { return !node(alice_).dry; }));
}

TEST_P(SurvivalStory, AReloadInterruptsNobody) {
  launch(config());
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "hello");
  });
  User user = live_user_on(alice_);
  const Headers cookie = {{"Cookie", "bonedry=" + user.cookie()}};
  HttpClient in_flight{bonedry_->address()};
  in_flight.send(Request{.target = "/slow", .headers = cookie}.to_wire());
  HttpClient idle{bonedry_->address()};
  EXPECT_EQ(idle.get("/").status, 200);
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  const auto live = node(alice_).live;
  TestConfig changed = config();
  changed.pools[0].nodes[1].keys = {"weight = 50"};
  bonedry_->configure(changed);
  order("reload");
  EXPECT_EQ(node(alice_).live, live);
  EXPECT_EQ(node(alice_).exchanges_open, 1);
  gate.open();
  EXPECT_EQ(in_flight.read_response().body, "hello");
  EXPECT_EQ(idle.get("/").status, 200) << "on the connection that was there before";
}

TEST_P(SurvivalStory, ANodeTakenOutOfTheConfigKeepsItsUsersUntilTheyLeave) {
  launch(config({"idle_timeout = \"1s\""}));
  User user = live_user_on(alice_);
  TestConfig without = config({"idle_timeout = \"1s\""});
  without.pools[0].nodes.erase(without.pools[0].nodes.begin());
  bonedry_->configure(without);
  order("reload");
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "alice");
  for (int i = 0; i < 10; ++i) {
    User stranger{bonedry_->address()};
    stranger.click();
    EXPECT_EQ(stranger.node(), "bob");
  }
  EXPECT_TRUE(eventually([this] {
    return bonedry_->admin("status").find("alice") == std::string::npos;
  })) << "and then it is gone";
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "bob");
}

TEST_P(SurvivalStory, AWeightOfZeroBleedsFromTheStart) {
  TestConfig zero = config();
  zero.pools[0].nodes[0].keys = {"weight = 0"};
  launch(zero);
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_TRUE(eventually_dry(alice_));
  for (int i = 0; i < 10; ++i) {
    User stranger{bonedry_->address()};
    stranger.click();
    EXPECT_EQ(stranger.node(), "bob");
  }
}

TEST_P(SurvivalStory, ALostLedgerWithholdsDrynessAndTakesItsUsersBack) {
  launch(config({"idle_timeout = \"3s\""}));
  User stays = live_user_on(alice_);
  User leaves = live_user_on(alice_);
  order("bleed alice");
  bonedry_->kill9();
  ASSERT_TRUE(std::filesystem::remove(bonedry_->state_dir() + "/ledger"));
  const TestTime before_start = TestClock::now();
  bonedry_->start();
  const auto status = bonedry_->status();
  EXPECT_EQ(status.at("ledger").at("complete"), false);
  EXPECT_EQ(node_view(status, "alice").sessions(), 0) << "it knows of nobody";
  EXPECT_FALSE(node_view(status, "alice").dry) << "and says so";
  EXPECT_TRUE(node_view(status, "alice").blocked_by("ledger incomplete"));
  EXPECT_EQ(ctl().code({"maintain", "alice"}), 1);

  stays.go_to(bonedry_->address());
  EXPECT_FALSE(stays.click().headers.has("Set-Cookie"));
  EXPECT_EQ(stays.node(), "alice");
  EXPECT_EQ(node(alice_).live, 1) << "live, for his cookie came back";

  ASSERT_EQ(ctl().code({"wait", "alice"}), 0);
  EXPECT_GE(elapsed_since(before_start), Millis{3000});
  EXPECT_EQ(bonedry_->status().at("ledger").at("complete"), true);
  leaves.go_to(bonedry_->address());
  EXPECT_EQ(leaves.click().status, 200);
  EXPECT_EQ(leaves.node(), "bob");
}

TEST_P(SurvivalStory, AFirstStartHasACompleteLedger) {
  launch(config());
  EXPECT_EQ(bonedry_->status().at("ledger").at("complete"), true);
  order("bleed alice");
  EXPECT_EQ(ctl().code({"wait", "alice"}), 0);
}

TEST_P(SurvivalStory, AStateFileThatIsBrokenIsNotIgnored) {
  launch(config());
  order("bleed alice");
  bonedry_->stop();
  std::vector<std::string> broken;
  for (const auto& entry : std::filesystem::directory_iterator(bonedry_->state_dir())) {
    const std::string name = entry.path().filename().string();
    if (name.find("secret") != std::string::npos || name == "ledger" || !entry.is_regular_file())
      continue;
    if (name == "events.jsonl") continue;  // a damaged line is skipped
    if (read_file(entry.path().string()).find("alice") == std::string::npos) continue;
    write_file(entry.path().string(), "half a fi");
    broken.push_back(name);
  }
  ASSERT_EQ(broken.size(), 1U);
  // A start without the stored states would put alice back into rotation. It must be refused.
  const RunResult result =
      run_program({bonedry_program(), "--config", bonedry_->config_path()}, {}, kDeadline);
  EXPECT_GT(result.code, 0);
  EXPECT_THAT(result.err + result.out, HasSubstr(broken.front()));
}

}  // namespace
}  // namespace bonedry::test
