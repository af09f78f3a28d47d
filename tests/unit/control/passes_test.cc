// Passes as the control plane issues and revokes them, and what they leave alone.
#include "session/pass.h"
#include "session/pass_checker.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin {
namespace {

using test::hours;
using test::minutes;
using test::NodeState;
using test::seconds;

class PassesTest : public test::ControlTest {
 protected:
  std::string issue(const std::string& key, Millis ttl = minutes{15}) {
    const auto pass = control->issue_pass(*balancer::NodeId::parse(key), ttl, "root");
    return pass ? pass->token : "error: " + pass.error().text;
  }
  void revoke_unacknowledged(const std::string& key) {
    control->revoke_passes(*balancer::NodeId::parse(key), "root", note_answer());
  }
  std::string revoke(const std::string& key) {
    answers.clear();
    revoke_unacknowledged(key);
    publisher.acknowledge();
    return answers.empty() ? "no answer" : answers.back();
  }
  /// Whether a worker with the newest topology lets it in.
  [[nodiscard]] bool valid(const std::string& token) const {
    const std::vector<std::string> secrets{"a secret of at least 32 characters"};
    const auto topology = control->topology();
    return session::PassChecker(*topology->find_pool("shop"), secrets)
        .check(token, clock.wall())
        .has_value();
  }
};

TEST_F(PassesTest, APassIsForANodeAndATime) {
  const std::string token = issue("shop/alice", minutes{15});
  EXPECT_TRUE(valid(token));
  clock.advance(minutes{15});
  EXPECT_FALSE(valid(token));
  EXPECT_EQ(events_of("pass"), "shop/alice: a pass for 15m by root");
  EXPECT_TRUE(publisher.published.empty()) << "workers need not know of it";
}

TEST_F(PassesTest, ItsTimeHasBounds) {
  EXPECT_EQ(issue("shop/alice", hours{25}), "error: --ttl takes 1s to 1d, not 1d1h");
  EXPECT_EQ(issue("shop/alice", Millis{0}), "error: --ttl takes 1s to 1d, not 0ms");
  EXPECT_TRUE(valid(issue("shop/alice", hours{24})));
  EXPECT_TRUE(valid(issue("shop/alice", seconds{1})));
}

TEST_F(PassesTest, ARevocationVoidsAllPassesOfTheNodeMadeSoFar) {
  const std::string before = issue("shop/alice");
  const std::string of_bob = issue("shop/bob");
  EXPECT_EQ(revoke("shop/alice"), "all passes for shop/alice are void");
  EXPECT_FALSE(valid(before));
  EXPECT_TRUE(valid(of_bob));
  EXPECT_TRUE(valid(issue("shop/alice"))) << "made in the same millisecond, but after it";
  EXPECT_NE(events_of("pass").find("shop/alice: all passes made so far are void by root"),
            std::string::npos);
}

TEST_F(PassesTest, TheAnswerWaitsForTheWorkers) {
  revoke_unacknowledged("shop/alice");
  EXPECT_TRUE(answers.empty());
  publisher.acknowledge();
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(PassesTest, ItSurvivesARestart) {
  revoke("shop/alice");
  Passes next(clock, pass_store, {"a secret of at least 32 characters"});
  EXPECT_FALSE(next.revocations().of("shop/alice"_node));
  ASSERT_TRUE(next.load());
  EXPECT_EQ(next.revocations(), passes.revocations());
  EXPECT_EQ(next.revocations().of("shop/alice"_node), clock.wall());
}

TEST_F(PassesTest, WhatCannotBeSavedIsNotRevoked) {
  const std::string before = issue("shop/alice");
  break_disk();
  EXPECT_TRUE(revoke("shop/alice").starts_with("error: ")) << answers.back();
  EXPECT_TRUE(valid(before));
  EXPECT_TRUE(publisher.published.empty());
  mend_disk();
  revoke("shop/alice");
  EXPECT_FALSE(valid(before));
}

TEST_F(PassesTest, AWallClockThatIsSetBackRevivesNone) {
  const std::string before = issue("shop/alice", hours{2});
  clock.jump_wall(-hours{1});
  revoke("shop/alice");
  EXPECT_FALSE(valid(before));
  const std::string after = issue("shop/alice");
  EXPECT_TRUE(valid(after));
  revoke("shop/alice");
  EXPECT_FALSE(valid(after));
}

TEST_F(PassesTest, ARevocationIsForgottenWhenItsPassesHaveExpired) {
  revoke("shop/alice");
  clock.advance(session::kMaxPassTtl);
  revoke("shop/bob");
  EXPECT_EQ(passes.revocations().all().size(), 2U);
  clock.advance(Millis{1});
  revoke("shop/bob");
  EXPECT_EQ(passes.revocations().all().size(), 1U);
}

TEST_F(PassesTest, ADamagedFileIsAnErrorAndThenNoPassIsValid) {
  const std::string before = issue("shop/alice");
  for (const char* text : {"", "nonsense", "{}", R"({"version":2,"revoked_until_ms":{}})",
                           R"({"version":1,"revoked_until_ms":{"x":1}})",
                           R"({"version":1,"revoked_until_ms":{"shop/alice":"1"}})"}) {
    directory.write("state/passes.json", text);
    const Result<> loaded = passes.load();
    ASSERT_FALSE(loaded) << text;
    EXPECT_NE(loaded.error().find("passes.json"), std::string::npos) << loaded.error();
  }
  passes.distrust({"shop/alice"_node});
  restart_on_ledger();
  EXPECT_FALSE(valid(before));
  EXPECT_TRUE(valid(issue("shop/alice")));
}

TEST_F(PassesTest, AnotherProcessDecidesDuringAnUpgrade) {
  control->begin_standby();
  EXPECT_EQ(revoke("shop/alice"), "error: an upgrade is in progress; try again in a moment");
}

TEST_F(PassesTest, AnOpenExchangeWithAPassDoesNotDelayDryness) {
  balancer::Node& alice = *view("shop/alice").node;
  alice.open_pass_exchange();
  bleed("shop/alice");
  settle();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_EQ(maintain("shop/alice"), "shop/alice is in maintenance");
  EXPECT_EQ(status("shop/alice").passes.open, 1);
  EXPECT_EQ(status("shop/alice").exchanges_open, 0);
  alice.close_pass_exchange();
}

TEST_F(PassesTest, AnOpenExchangeWithAPassKeepsTheCountsOfARemovedNode) {
  const std::shared_ptr<balancer::Node> alice = view("shop/alice").node;
  const auto remove_and_bring_back = [this] {
    const conf::Node removed = shop().nodes.front();
    shop().nodes.erase(shop().nodes.begin());
    reload();
    settle();
    EXPECT_EQ(control->topology()->find_node("shop/alice"_node), nullptr) << "dry, and gone";
    shop().nodes.insert(shop().nodes.begin(), removed);
    reload();
    settle();
  };
  alice->open_pass_exchange();
  remove_and_bring_back();
  EXPECT_EQ(view("shop/alice").node, alice);
  alice->close_pass_exchange();
  remove_and_bring_back();
  EXPECT_NE(view("shop/alice").node, alice);
}

TEST_F(PassesTest, StatusSaysHowManyWereUsed) {
  balancer::Node& alice = *view("shop/alice").node;
  EXPECT_EQ(status("shop/alice").passes.used_lately, 0U);
  EXPECT_FALSE(status("shop/alice").passes.last_used_age);
  alice.pass_use.note(clock.now());
  alice.pass_use.note(clock.now());
  clock.advance(seconds{20});
  EXPECT_EQ(status("shop/alice").passes.used_lately, 2U);
  EXPECT_EQ(status("shop/alice").passes.last_used_age, seconds{20});
  clock.advance(minutes{16});
  EXPECT_EQ(status("shop/alice").passes.used_lately, 0U);
}

}  // namespace
}  // namespace bonedry::admin
