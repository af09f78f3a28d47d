// A node that gets another name in the config keeps its users and its state.

#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>

namespace bonedry::admin::test {
namespace {

using testing::HasSubstr;

class RenameTest : public ControlTest {
 protected:
  /// Alice is called anna in the config from now on.
  void rename() {
    shop().nodes[0].name = "anna";
    shop().nodes[0].formerly = {"alice"};
  }
  [[nodiscard]] std::size_t nodes() const {
    return control->topology()->find_pool("shop")->nodes.size();
  }
};

TEST_F(RenameTest, AReloadKeepsItsUsers) {
  add_user("shop/alice", 1);
  const auto slot = view("shop/alice").slot;
  rename();
  EXPECT_THAT(reload(), HasSubstr("reloaded"));
  settle();
  EXPECT_EQ(nodes(), 3U);
  EXPECT_EQ(view("shop/anna").slot, slot);
  EXPECT_EQ(status("shop/anna").live, 1);
  EXPECT_FALSE(click(1)->displaced);
  EXPECT_EQ(events_of("rename"), "shop/anna: formerly shop/alice, whose users stay");
}

TEST_F(RenameTest, ItTakesNewUsersAllTheTime) {
  shop().nodes.resize(1);
  reload();
  settle();
  rename();
  control->reload(Force::no, "root", note_answer());
  EXPECT_EQ(door("shop/anna"), "active, open") << "workers know it by its old name";
  publisher.acknowledge();
  EXPECT_EQ(door("shop/anna"), "active, open");
}

TEST_F(RenameTest, ABleedingNodeGoesOnBleeding) {
  add_user("shop/alice", 1);
  bleed_until("shop/alice", minutes{30});
  rename();
  reload();
  settle();
  EXPECT_EQ(door("shop/anna"), "bleeding, sessions_only");
  EXPECT_EQ(blocked("shop/anna"), "1 live session");
  pass(minutes{30});
  EXPECT_TRUE(dry("shop/anna"));
}

TEST_F(RenameTest, ADryNodeStaysDry) {
  bleed("shop/alice");
  settle();
  ASSERT_TRUE(dry("shop/alice"));
  rename();
  reload();
  EXPECT_TRUE(dry("shop/anna"));
  EXPECT_EQ(door("shop/anna"), "bleeding, shut");
}

TEST_F(RenameTest, ARestartKeepsItsUsersToo) {
  add_user("shop/alice", 1);
  bleed("shop/alice");
  rename();
  restart_on_ledger();
  settle();
  EXPECT_EQ(nodes(), 3U);
  EXPECT_EQ(blocked("shop/anna"), "1 live session");
  EXPECT_EQ(door("shop/anna"), "bleeding, sessions_only");
}

TEST_F(RenameTest, TheEarlierNameMayStayInTheConfigOrGo) {
  add_user("shop/alice", 1);
  rename();
  reload();
  settle();
  reload();
  settle();
  EXPECT_EQ(events_of("rename"), "shop/anna: formerly shop/alice, whose users stay") << "told once";
  shop().nodes[0].formerly.clear();
  reload();
  restart_on_ledger();
  settle();
  EXPECT_EQ(nodes(), 3U);
  EXPECT_EQ(status("shop/anna").live, 1);
}

TEST_F(RenameTest, ItCanBeCalledAsBeforeAgain) {
  add_user("shop/alice", 1);
  rename();
  reload();
  settle();
  shop().nodes[0].name = "alice";
  shop().nodes[0].formerly = {"anna"};
  reload();
  settle();
  EXPECT_EQ(nodes(), 3U);
  EXPECT_EQ(status("shop/alice").live, 1);
}

TEST_F(RenameTest, AReloadThatCannotBeSavedLeavesTheOldName) {
  add_user("shop/alice", 1);
  bleed("shop/bob");
  const auto before = config;
  rename();
  break_disk();
  EXPECT_THAT(reload(), HasSubstr("error: "));
  mend_disk();
  config = before;
  settle();
  pass(minutes{1});
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_THAT(reload(), HasSubstr("reloaded"));
  restart_on_ledger();
  settle();
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_EQ(nodes(), 3U);
}

TEST_F(RenameTest, ANodeThatTheConfigHadBesideItBleedsInstead) {
  shop().nodes.push_back(node("anna"));
  reload();
  settle();
  add_user("shop/alice", 1);
  shop().nodes.erase(shop().nodes.begin());
  shop().nodes.back().formerly = {"alice"};
  reload();
  settle();
  EXPECT_EQ(status("shop/alice").live, 1);
  EXPECT_EQ(status("shop/anna").live, 0);
  EXPECT_EQ(door("shop/alice"), "bleeding, sessions_only");
}

TEST_F(RenameTest, AReloadThatIsRefusedKeepsTheTimesOfItsSessions) {
  add_user("shop/alice", 1);
  rename();
  shop().session.idle_timeout = shop().session.pending_timeout = minutes{1};
  break_disk();
  EXPECT_THAT(reload(), HasSubstr("error: "));
  mend_disk();
  pass(minutes{2});
  EXPECT_EQ(status("shop/alice").live, 1);
}

TEST_F(RenameTest, ALostLedgerDoesNotEndMaintenance) {
  bleed("shop/alice");
  settle();
  maintain("shop/alice");
  rename();
  restart();
  EXPECT_EQ(door("shop/anna"), "maintenance, shut");
  EXPECT_FALSE(written().contains("shop/alice"_node));
}

TEST_F(RenameTest, AMeasuredHealthStays) {
  shop().health.active = true;
  reload();
  view("shop/alice").node->set_health(balancer::Health::down);
  rename();
  reload();
  EXPECT_EQ(status("shop/anna").health, balancer::Health::down);
}

}  // namespace
}  // namespace bonedry::admin::test
