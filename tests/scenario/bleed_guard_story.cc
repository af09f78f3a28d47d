// The guard: no command may leave a pool without the nodes or the capacity that its users need.
#include "tests/scenario/story.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GuardStory : public ShopStory {
 protected:
  /// Expects a refusal with exit code 1 and no change of state; returns the message.
  std::string refused(const std::vector<std::string>& command, const FakeNode& about) const {
    const std::string before = node(about).state;
    const RunResult result = ctl().run(command);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(node(about).state, before);
    return result.err;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, GuardStory, worker_counts(), name_of_workers);

TEST_P(GuardStory, TheLastActiveNodeIsNotBled) {
  launch(config());
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 0);
  EXPECT_THAT(refused({"bleed", "bob"}, bob_), AllOf(HasSubstr("0 "), HasSubstr("min_active")));
  EXPECT_EQ(ctl().code({"activate", "alice"}), 0);
  EXPECT_EQ(ctl().code({"bleed", "bob"}), 0);
}

TEST_P(GuardStory, MinActiveIsKept) {
  FakeNode carol{"carol"};
  TestConfig three = config({}, {"min_active = 2"});
  three.pools[0].nodes.emplace_back(carol);
  launch(three);
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 0);
  EXPECT_THAT(refused({"bleed", "bob"}, bob_), AllOf(HasSubstr("1 active"), HasSubstr("2")));
}

TEST_P(GuardStory, ADownNodeIsNoHelp) {
  TestConfig checked = config();
  checked.pools[0].health = {"interval = \"50ms\"", "rise = 1", "fall = 1"};
  launch(checked);
  bob_.stop();
  ASSERT_TRUE(eventually([this] { return node(bob_).health == "down"; }));
  (void)refused({"bleed", "alice"}, alice_);
  bob_.start();
  ASSERT_TRUE(eventually([this] { return node(bob_).health == "up"; }));
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 0);
}

TEST_P(GuardStory, TheRestMustHoldThePoolsSessions) {
  TestConfig narrow = config({}, {"balance = \"round-robin\""});
  narrow.pools[0].nodes[1].keys = {"max_sessions = 5"};
  launch(narrow);
  std::vector<User> users;
  for (int i = 0; i < 3; ++i) users.push_back(live_user_on(alice_));
  while (node(bob_).sessions() < 4) users.push_back(new_user_on(bob_));
  const auto all = node(alice_).sessions() + node(bob_).sessions();
  ASSERT_GT(all, 5);
  EXPECT_THAT(refused({"bleed", "alice"}, alice_),
              AllOf(HasSubstr("5"), HasSubstr(std::to_string(all)), HasSubstr("max_sessions")));
}

TEST_P(GuardStory, ForceOverridesAndIsRecorded) {
  launch(config());
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 0);
  EXPECT_EQ(ctl().code({"bleed", "bob", "--force", "--reason", "fire"}), 0);
  EXPECT_EQ(node(bob_).state, "bleeding");
  EXPECT_THAT(bonedry_->admin("events"), AllOf(HasSubstr("forced"), HasSubstr("fire")));
}

TEST_P(GuardStory, MaintenanceIsGuardedToo) {
  launch(config());
  EXPECT_EQ(ctl().code({"bleed", "alice"}), 0);
  ASSERT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(ctl().code({"maintain", "alice"}), 0);
  (void)refused({"maintain", "bob"}, bob_);
  (void)refused({"bleed", "bob"}, bob_);
}

TEST_P(GuardStory, AFullNodeGetsNoNewSessions) {
  TestConfig narrow = config({}, {"balance = \"round-robin\""});
  narrow.pools[0].nodes[0].keys = {"max_sessions = 3"};
  launch(narrow);
  std::vector<User> users;
  for (int i = 0; i < 20; ++i) users.emplace_back(bonedry_->address()).click();
  EXPECT_EQ(node(alice_).sessions(), 3);
  EXPECT_EQ(node(bob_).sessions(), 17);
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_FALSE(user.node().empty());
  }
  EXPECT_EQ(node(alice_).live, 3);
}

TEST_P(GuardStory, AUserWhoComesBackTooLateDoesNotOverfillHisOldNode) {
  TestConfig narrow = config({"idle_timeout = \"2s\""}, {"balance = \"round-robin\""});
  narrow.pools[0].nodes[0].keys = {"max_sessions = 1"};
  launch(narrow);
  User late = live_user_on(alice_);
  ASSERT_TRUE(eventually([this] { return node(alice_).sessions() == 0; }));
  User other = live_user_on(alice_);
  EXPECT_EQ(late.click().status, 200);
  EXPECT_EQ(late.node(), "bob") << "his place has been taken";
  EXPECT_EQ(node(alice_).sessions(), 1);
  EXPECT_FALSE(other.click().headers.has("Set-Cookie"));
}

TEST_P(GuardStory, AFullPoolTellsStrangersToComeBack) {
  TestConfig narrow = config({"idle_timeout = \"2s\""});
  for (TestNode& node : narrow.pools[0].nodes) node.keys = {"max_sessions = 2"};
  launch(narrow);
  std::vector<User> users;
  for (int i = 0; i < 4; ++i) {
    users.emplace_back(bonedry_->address()).click();
    EXPECT_FALSE(users.back().node().empty());
  }
  const Response response = HttpClient{bonedry_->address()}.get("/");
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.has("Retry-After"));
  for (User& user : users) EXPECT_EQ(user.click().status, 200) << "who is in stays in";
  EXPECT_TRUE(eventually([&] { return HttpClient{bonedry_->address()}.get("/").status == 200; }))
      << "a place is free when somebody has left";
}

TEST_P(GuardStory, SimultaneousStrangersNeverOverfillANode) {
  TestConfig narrow = config();
  for (TestNode& node : narrow.pools[0].nodes) node.keys = {"max_sessions = 10"};
  launch(narrow);
  // Those who were let in stay until all others were turned away, so that they overlap.
  const Gate gate;
  const auto held = [gate](NodeExchange& exchange) {
    (void)gate.wait();
    answer_plainly(exchange);
  };
  alice_.on("/", held);
  bob_.on("/", held);
  std::vector<std::thread> crowd;
  std::atomic<int> served{0};
  std::atomic<int> turned_away{0};
  for (int i = 0; i < 60; ++i) {
    crowd.emplace_back([&] {
      try {
        const int status = HttpClient{bonedry_->address()}.get("/").status;
        if (status == 200) ++served;
        if (status == 503 && ++turned_away == 40) gate.open();
      } catch (const SocketError& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(served, 20);
  EXPECT_EQ(node(alice_).sessions(), 10);
  EXPECT_EQ(node(bob_).sessions(), 10);
}

}  // namespace
}  // namespace bonedry::test
