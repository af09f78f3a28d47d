#include "admin/control_plane.h"
#include "tests/unit/control/control_rig.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace bonedry::admin {
namespace {

using test::minutes;
using test::seconds;

class WaitTest : public test::ControlTest {
 protected:
  ControlPlane::WaitId wait(const std::string& key, std::optional<Millis> timeout = {}) {
    return control->wait(node_id(key), Awaited::dry, timeout,
                         [this](WaitEnd end) { ends.push_back(end); });
  }

  using Ends = std::vector<WaitEnd>;
  Ends ends;
};

TEST_F(WaitTest, ItEndsWhenTheNodeIsDryAndAllWorkersKnow) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  wait("shop/alice");
  pass(kIdle - seconds{1});
  EXPECT_TRUE(ends.empty());
  clock.advance(seconds{2});
  control->tick();
  publisher.acknowledge_once();
  EXPECT_TRUE(dry("shop/alice"));
  EXPECT_TRUE(ends.empty()) << "a worker may still hold the door open";
  publisher.acknowledge();
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
  settle();
  EXPECT_EQ(ends.size(), 1U) << "once";
}

TEST_F(WaitTest, ForADryNodeItEndsAtTheNextTickAndNotWithinTheCall) {
  bleed("shop/alice");
  settle();
  wait("shop/alice");
  EXPECT_TRUE(ends.empty());
  control->tick();
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

TEST_F(WaitTest, ADryNodeInMaintenanceIsDry) {
  bleed("shop/alice");
  settle();
  maintain("shop/alice");
  wait("shop/alice");
  control->tick();
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

TEST_F(WaitTest, ItTimesOut) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  wait("shop/alice", seconds{30});
  pass(seconds{30} - Millis{1});
  EXPECT_TRUE(ends.empty());
  pass(Millis{1});
  EXPECT_EQ(ends, Ends{WaitEnd::timed_out});
}

TEST_F(WaitTest, DrynessAtTheLastMomentBeatsTheTimeout) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  wait("shop/alice", kIdle + seconds{1});
  clock.advance(kIdle + Millis{500});
  control->tick();
  clock.advance(Millis{500});
  publisher.acknowledge();
  publisher.acknowledge();
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

TEST_F(WaitTest, ATimeoutOfNothingLooksOnce) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  bleed("shop/bob");
  settle();
  wait("shop/alice", Millis{0});
  wait("shop/bob", Millis{0});
  control->tick();
  EXPECT_EQ(ends, (Ends{WaitEnd::timed_out, WaitEnd::dry}));
}

TEST_F(WaitTest, ItEndsWhenTheNodeIsActivated) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  wait("shop/alice");
  settle();
  activate("shop/alice");
  control->tick();
  EXPECT_EQ(ends, Ends{WaitEnd::activated});
}

TEST_F(WaitTest, AnActiveNodeWillNotBecomeDry) {
  wait("shop/alice");
  control->tick();
  EXPECT_EQ(ends, Ends{WaitEnd::activated});
}

TEST_F(WaitTest, ARemovedNodeThatBecomesDryIsDryBeforeItIsGone) {
  add_user("shop/alice", 1);
  shop().nodes.erase(shop().nodes.begin());
  reload();
  wait("shop/alice");
  pass(kIdle + seconds{1});
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

TEST_F(WaitTest, ItEndsWhenTheNodeIsGoneWithItsPool) {
  conf::Pool blog = shop();
  blog.name = "blog";
  config.pools.push_back(blog);
  start();
  add_user("blog/alice", 1);
  bleed("blog/alice");
  wait("blog/alice");
  config.pools.pop_back();
  reload();
  settle();
  EXPECT_EQ(ends, Ends{WaitEnd::gone});
}

TEST_F(WaitTest, ANodeThatNeverWasIsGone) {
  wait("shop/nobody");
  wait("nowhere/alice");
  control->tick();
  EXPECT_EQ(ends, (Ends{WaitEnd::gone, WaitEnd::gone}));
}

TEST_F(WaitTest, ACancelledOneIsNotAnswered) {
  bleed("shop/alice");
  const auto id = wait("shop/alice");
  control->cancel_wait(id);
  control->cancel_wait(id);  // the connection may close twice
  settle();
  EXPECT_TRUE(ends.empty());
}

TEST_F(WaitTest, SeveralMayWaitForOneNode) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  wait("shop/alice");
  wait("shop/alice", seconds{5});
  wait("shop/alice");
  pass(seconds{6});
  EXPECT_EQ(ends, Ends{WaitEnd::timed_out});
  pass(kIdle);
  EXPECT_EQ(ends, (Ends{WaitEnd::timed_out, WaitEnd::dry, WaitEnd::dry}));
}

TEST_F(WaitTest, AnAnswerMayCancelAnotherWaitOrBeginANewOne) {
  bleed("shop/alice");
  ControlPlane::WaitId second = 0;
  control->wait("shop/alice"_node, Awaited::dry, {}, [this, &second](WaitEnd end) {
    ends.push_back(end);
    control->cancel_wait(second);
    wait("shop/bob");
  });
  second = wait("shop/alice");
  settle();
  EXPECT_EQ(ends, (Ends{WaitEnd::dry, WaitEnd::activated}));
}

TEST_F(WaitTest, ADeadlineEndsItToo) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{5});
  wait("shop/alice");
  pass(minutes{5});
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

TEST_F(WaitTest, WhileDrynessCannotBeWrittenDownItGoesOn) {
  bleed("shop/alice");
  break_disk();
  wait("shop/alice");
  settle();
  EXPECT_TRUE(ends.empty());
  mend_disk();
  pass(seconds{3});
  EXPECT_EQ(ends, Ends{WaitEnd::dry});
}

class HealthWaitTest : public WaitTest {
 protected:
  void wait_healthy(std::optional<Millis> timeout = {}) {
    control->wait("shop/alice"_node, Awaited::healthy, timeout,
                  [this](WaitEnd end) { ends.push_back(end); });
  }
  void check(balancer::CheckResult result) {
    checks["shop/alice"].begin();
    checks["shop/alice"].end({result, "GET /", "status 200", clock.now(), Millis{1}});
    control->tick();
  }
  void pass_check() { check(balancer::CheckResult::passed); }
  void set_health(balancer::Health health) { view("shop/alice").node->set_health(health); }
};

TEST_F(HealthWaitTest, OnlyChecksThatBeginFromNowOnCount) {
  set_health(balancer::Health::up);
  pass_check();
  pass_check();
  wait_healthy();
  control->tick();
  EXPECT_TRUE(ends.empty()) << "these may be of the program before the update";
  pass_check();
  EXPECT_TRUE(ends.empty()) << "rise is 2";
  check(balancer::CheckResult::failed);
  pass_check();
  EXPECT_TRUE(ends.empty()) << "in a row";
  pass_check();
  EXPECT_EQ(ends, Ends{WaitEnd::healthy});
}

TEST_F(HealthWaitTest, ANodeThatIsDownIsNotHealthy) {
  set_health(balancer::Health::down);
  checks["shop/alice"];
  wait_healthy(seconds{60});
  pass_check();
  pass_check();
  EXPECT_TRUE(ends.empty());
  pass(seconds{61});
  EXPECT_EQ(ends, Ends{WaitEnd::timed_out});
}

TEST_F(HealthWaitTest, ANodeWithoutChecksIsNotWaitedFor) {
  wait_healthy();
  control->tick();
  EXPECT_EQ(ends, Ends{WaitEnd::unchecked});
}

TEST_F(HealthWaitTest, ANodeThatLeavesTheConfigIsGone) {
  checks["shop/alice"];
  wait_healthy();
  std::erase_if(shop().nodes, [](const conf::Node& each) { return each.name == "alice"; });
  EXPECT_EQ(reload().substr(0, 8), "reloaded");
  settle();
  EXPECT_EQ(ends, Ends{WaitEnd::gone});
}

}  // namespace
}  // namespace bonedry::admin
