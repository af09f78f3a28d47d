// A bleed that was probably forgotten: [admin] bleed_warning.
#include "admin/explain.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using test::hours;
using test::minutes;

class LongBleedTest : public test::ControlTest {
 protected:
  LongBleedTest() {
    start();
    add_user("shop/alice", 1);
  }

  [[nodiscard]] std::string problem() const {
    const auto lines = problems(control->status("shop")->pools.front());
    return lines.empty() ? "" : lines.front();
  }
  /// The user is still there, however long it takes.
  void pass_with_a_click(Millis by) {
    for (Millis passed{0}; passed < by; passed += minutes{15}) {
      pass(std::min<Millis>(minutes{15}, by - passed));
      click(1);
    }
  }
};

constexpr const char* kWarning =
    "shop/alice: bleeding for 1d by root, reason: update; was it forgotten? See [admin] "
    "bleed_warning";

TEST_F(LongBleedTest, IsAnEventOnce) {
  bleed("shop/alice", {.reason = "update", .by = "root"});
  pass_with_a_click(hours{24});
  EXPECT_EQ(events_of("bleed_warning"), "");
  EXPECT_EQ(problem(), "");
  pass(Millis{100});
  EXPECT_EQ(events_of("bleed_warning"), kWarning);
  EXPECT_EQ(problem(), "shop/alice: bleeding for 1d by root, reason: update; was it forgotten?");
  pass(hours{24});
  EXPECT_EQ(events_of("bleed_warning"), kWarning);
}

TEST_F(LongBleedTest, IsNotRepeatedAfterARestart) {
  bleed("shop/alice", {.reason = "update", .by = "root"});
  EXPECT_EQ(written().at("shop/alice"_node).warned, Warned::no);
  pass(hours{24} + Millis{100});
  EXPECT_EQ(written().at("shop/alice"_node).warned, Warned::yes);
  EXPECT_EQ(events_of("bleed_warning"), kWarning);
  restart();
  settle();
  EXPECT_EQ(events_of("bleed_warning"), kWarning);
  EXPECT_NE(problem(), "");
}

TEST_F(LongBleedTest, ADryNodeMayBeForgottenToo) {
  bleed("shop/bob");
  pass(minutes{1});
  EXPECT_TRUE(dry("shop/bob"));
  pass(hours{24});
  EXPECT_NE(events_of("bleed_warning"), "");
}

TEST_F(LongBleedTest, EveryBleedHasItsOwn) {
  bleed("shop/alice", {.reason = "update", .by = "root"});
  pass(hours{24} + Millis{100});
  activate("shop/alice");
  pass(hours{24});
  EXPECT_EQ(events_of("bleed_warning"), kWarning);
  EXPECT_EQ(problem(), "");
  bleed("shop/alice", {.reason = "update", .by = "root"});
  pass(hours{24} + Millis{100});
  EXPECT_EQ(events_of("bleed_warning"), std::string(kWarning) + " | " + kWarning);
}

TEST_F(LongBleedTest, AnotherReasonDoesNotBeginTheBleedAgain) {
  bleed("shop/alice");
  pass(hours{23});
  bleed("shop/alice", {.reason = "still needed", .by = "root"});
  pass(hours{1} + Millis{100});
  EXPECT_EQ(events_of("bleed_warning"),
            "shop/alice: bleeding for 1d by root, reason: still needed; was it forgotten? See "
            "[admin] bleed_warning");
}

TEST_F(LongBleedTest, MaintenanceIsNoBleed) {
  bleed("shop/bob");
  pass(minutes{1});
  maintain("shop/bob");
  pass(hours{48});
  EXPECT_EQ(events_of("bleed_warning"), "");
  EXPECT_EQ(problem(), "");
}

TEST_F(LongBleedTest, ABleedThatTheConfigAsksForIsNotForgotten) {
  shop().nodes[0].weight = 0;
  reload();
  pass(hours{48});
  EXPECT_EQ(view("shop/alice").state, test::NodeState::bleeding);
  EXPECT_EQ(events_of("bleed_warning"), "");
  EXPECT_EQ(problem(), "");
}

TEST_F(LongBleedTest, TheLimitIsThatOfTheConfigInForce) {
  bleed("shop/alice");
  config.admin.bleed_warning = Millis{0};
  reload();
  pass(hours{48});
  EXPECT_EQ(events_of("bleed_warning"), "");
  EXPECT_EQ(problem(), "");
  config.admin.bleed_warning = hours{49};
  reload();
  pass(minutes{59});
  EXPECT_EQ(events_of("bleed_warning"), "");
  pass(minutes{2});
  EXPECT_NE(events_of("bleed_warning"), "");
  EXPECT_NE(problem(), "");
}

TEST_F(LongBleedTest, IsNotSaidBeforeItIsSaved) {
  bleed("shop/alice", {.reason = "update", .by = "root"});
  break_disk();
  pass(hours{24} + Millis{100});
  EXPECT_EQ(events_of("bleed_warning"), "");
  mend_disk();
  pass(minutes{1});
  EXPECT_NE(events_of("bleed_warning"), "");
}

}  // namespace
}  // namespace bonedry::admin
