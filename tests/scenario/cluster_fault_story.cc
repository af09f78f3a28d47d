// What members, the store and operators do to a cluster, and that its users do not notice.
#include "tests/scenario/cluster_story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

class ClusterFaultStory : public ClusterStory {};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterFaultStory, worker_counts(), name_of_workers);

TEST_P(ClusterFaultStory, TheStoreDiesAndComesBackEmpty) {
  ASSERT_NO_FATAL_FAILURE(launch(2, {"idle_timeout = \"6s\""}));
  std::vector<User> users = live_users(8);
  order(0, "bleed alice");
  store_->kill();
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(eventually([&] { return store_state(member(i)) == "lost"; }));
  }
  click_through(users, {1, 0});
  EXPECT_THAT(member(0).admin("activate alice"), HasSubstr("the store of the cluster is lost"));
  EXPECT_THAT(member(0).admin("activate alice"), HasSubstr("--local"));
  EXPECT_EQ(node(0, alice_).state, "bleeding");
  EXPECT_TRUE(eventually([&] { return node(0, alice_).blocked_by("the store is lost"); }));
  click_through(users, {0, 1});
  for (User& user : users) user.disconnect();
  // All have left, and nobody may say so.
  ASSERT_TRUE(
      eventually([&] { return node(0, alice_).sessions() + node(1, alice_).sessions() == 0; }));
  EXPECT_FALSE(node(0, alice_).dry);
  EXPECT_FALSE(node(1, alice_).dry);
  store_->start_empty();
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberIsKilledDuringABleedAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"5s\""}, {"silent_after = \"2s\""}));
  std::vector<User> users = live_users(9);
  order(0, "bleed alice");
  member(1).kill9();
  click_through(users, {0, 2});
  ASSERT_TRUE(eventually([&] { return node(0, alice_).blocked_by("p2 has not been heard"); }));
  for (User& user : users) user.disconnect();
  EXPECT_FALSE(
      eventually([&] { return node(0, alice_).dry || node(2, alice_).dry; }, Millis{5000}));
  member(1).start();
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

// The store then has nothing of the users whom only the one that left had served.
TEST_P(ClusterFaultStory, AMemberLeavesAndTheStoreComesBackEmpty) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"6s\""}));
  std::vector<User> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back(member(2).address()).click();
    users.back().click();
  }
  order(0, "bleed alice");
  member(2).stop();
  EXPECT_EQ(cluster_of(member(0)).at("members").size(), 2U);
  store_->kill();
  store_->start_empty();
  const auto on_alice = std::ranges::count(users, "alice", &User::node);
  ASSERT_TRUE(eventually([&] {
    return all_are_heard(2) && node(0, alice_).live == on_alice && node(1, alice_).live == on_alice;
  })) << member(0).status().dump(2);
  EXPECT_FALSE(node(0, alice_).dry);
  click_through(users, {0, 1});
  member(2).start();
  ASSERT_TRUE(eventually([&] { return answers(member(2)); }));
  click_through(users, {2, 0, 1});
  for (User& user : users) user.disconnect();
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberThatLeavesWhenNoOtherIsThereBlocksUntilItsSessionsWouldHaveEnded) {
  ASSERT_NO_FATAL_FAILURE(
      launch(2, {"idle_timeout = \"5s\""}, {"members = 1", "silent_after = \"2s\""}));
  std::vector<User> users = live_users(4);
  member(0).kill9();
  ASSERT_TRUE(eventually([&] { return state_of(cluster_of(member(1)), "p1") == "silent"; }));
  member(1).stop();
  member(0).start();
  ASSERT_TRUE(eventually([&] { return answers(member(0)); }));
  order(0, "bleed alice");
  EXPECT_TRUE(node(0, alice_).blocked_by("p2 has ended: users whom only it knew may come"));
  for (User& user : users) user.disconnect();
  EXPECT_TRUE(eventually([&] { return node(0, alice_).dry; }, kDeadline * 2))
      << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberIsStoppedForAWhile) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"5s\""}, {"silent_after = \"2s\""}));
  std::vector<User> users = live_users(9);
  member(1).pause();
  const std::string answer = member(0).admin("bleed alice", kDeadline * 2);
  EXPECT_THAT(answer, HasSubstr("not heard: p2"));
  click_through(users, {0, 2});
  for (User& user : users) user.disconnect();
  EXPECT_FALSE(
      eventually([&] { return node(0, alice_).dry || node(2, alice_).dry; }, Millis{6000}));
  member(1).resume();
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberThatIsCutOffKeepsItsUsersAndBlocksDryness) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"5s\""}, {"silent_after = \"2s\""}));
  std::vector<User> users = live_users(9);
  order(0, "bleed alice");
  ways_[2]->cut();
  ASSERT_TRUE(eventually([&] { return node(0, alice_).blocked_by("p3 has not been heard"); }));
  const TestTime until = TestClock::now() + Millis{5000};
  while (TestClock::now() < until) {
    click_through(users, {2});
    EXPECT_FALSE(node(0, alice_).dry);
  }
  EXPECT_THAT(member(2).admin("activate alice"), HasSubstr("the store of the cluster is lost"));
  for (User& user : users) user.disconnect();
  ways_[2]->mend();
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberThatHasRunIntoItsFenceIsForgotten) {
  ASSERT_NO_FATAL_FAILURE(
      launch(3, {"idle_timeout = \"2s\""}, {"silent_after = \"2s\"", "forget_after = \"3s\""}));
  std::vector<User> users = live_users(9);
  order(0, "bleed alice");
  ways_[2]->cut();
  const TestTime cut = TestClock::now();
  // As long as it may keep its users they stay; then they are moved, and only then is it forgotten.
  bool moved = false;
  while (!moved && elapsed_since(cut) < kDeadline) {
    for (User& user : users) {
      const std::string home = user.node();
      user.go_to(member(2).address());
      EXPECT_EQ(user.click().status, 200);
      if (home == "alice" && user.node() == "bob") moved = true;
    }
    EXPECT_FALSE(node(0, alice_).dry);
  }
  EXPECT_TRUE(moved);
  EXPECT_GE(elapsed_since(cut), Millis{2500});
  EXPECT_EQ(state_of(cluster_of(member(0)), "p3"), "silent");
  EXPECT_TRUE(eventually([&] { return node(0, alice_).dry && node(1, alice_).dry; }, kDeadline * 2))
      << member(0).status().dump();
  EXPECT_EQ(state_of(cluster_of(member(0)), "p3"), "");
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
  }
  ways_[2]->mend();
  EXPECT_TRUE(all_say_dry(alice_)) << member(2).status().dump();
}

TEST_P(ClusterFaultStory, MessagesAreLate) {
  ASSERT_NO_FATAL_FAILURE(launch(2, {"idle_timeout = \"5s\""}));
  std::vector<User> users = live_users(6);
  for (const auto& way : ways_) way->slow_down(Millis{600});
  order(0, "bleed alice");
  click_through(users, {1, 0});
  click_through(users, {0, 1});
  EXPECT_FALSE(node(0, alice_).dry || node(1, alice_).dry);
  for (User& user : users) user.disconnect();
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

TEST_P(ClusterFaultStory, AMemberThatStartsServesNobodyBeforeItHasMetTheOthers) {
  ASSERT_NO_FATAL_FAILURE(launch(2));
  member(1).stop();
  order(0, "bleed alice");
  store_->kill();
  BonedryProcess& late = member(1);
  late.start();
  EXPECT_THROW(User{late.address()}.click(), SocketError);
  EXPECT_THAT(Ctl{late}.run({"status"}).out,
              HasSubstr("serves nobody before it has met the others"));
  store_->start_empty();
  ASSERT_TRUE(eventually([&] { return late.status()["cluster"]["waiting_for"].is_null(); }));
  EXPECT_EQ(node(1, alice_).state, "bleeding");
  EXPECT_TRUE(eventually([&] { return answers(late); }));
}

TEST_P(ClusterFaultStory, AMemberIsStartedAlone) {
  ASSERT_NO_FATAL_FAILURE(launch(2));
  member(1).stop();
  store_->kill();
  member(1).start();
  EXPECT_EQ(member(1).status()["cluster"]["waiting_for"], "the store of the cluster");
  order(1, "start-alone");
  EXPECT_TRUE(eventually([&] { return answers(member(1)); }));
}

TEST_P(ClusterFaultStory, ALocalChangeIsMergedTowardsOutOfRotation) {
  ASSERT_NO_FATAL_FAILURE(launch(2));
  store_->kill();
  ASSERT_TRUE(eventually([&] { return store_state(member(0)) == "lost"; }));
  order(0, "bleed alice --local");
  EXPECT_EQ(node(0, alice_).state, "bleeding");
  EXPECT_EQ(node(1, alice_).state, "active");
  store_->start();
  EXPECT_TRUE(all_say(alice_, "bleeding"));
  order(1, "activate alice");
  EXPECT_TRUE(all_say(alice_, "active"));
}

TEST_P(ClusterFaultStory, ALogoutAtOneMemberIsKnownToAll) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"logout_header = \"X-Bye\""}));
  std::vector<User> users = live_users(3);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        eventually([&] { return node(i, alice_).sessions() + node(i, bob_).sessions() == 3; }));
  }
  FakeNode& home = users[0].node() == "alice" ? alice_ : bob_;
  const std::string old_cookie = users[0].cookie();
  home.on("/bye", [](NodeExchange& exchange) { exchange.respond(200, "", {{"X-Bye", "1"}}); });
  users[0].go_to(member(1).address());
  users[0].click("/bye");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually(
        [&] { return node(i, alice_).sessions() + node(i, bob_).sessions() == 2; }, Millis{4000}))
        << "p" << i + 1;
  }
  // A member that still had it in its ledger does not take him back.
  User returning{member(0).address()};
  returning.set_cookie("bonedry", old_cookie);
  returning.click();
  EXPECT_NE(returning.cookie(), old_cookie);
}

TEST_P(ClusterFaultStory, AnUpgradeOfAMember) {
  ASSERT_NO_FATAL_FAILURE(launch(2, {"idle_timeout = \"6s\""}));
  std::vector<User> users = live_users(8);
  order(0, "bleed alice");
  for (std::size_t i = 0; i < 2; ++i) {
    member(i).upgrade();
    click_through(users, {0, 1});
    click_through(users, {1, 0});
  }
  ASSERT_TRUE(eventually([&] { return all_are_heard(2); }, kDeadline * 2));
  EXPECT_EQ(node(0, alice_).state, "bleeding");
  click_through(users, {1, 0});
  for (User& user : users) user.disconnect();
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
  EXPECT_EQ(node(0, alice_).moved + node(1, alice_).moved, 0);
}

TEST_P(ClusterFaultStory, AMemberStaysWhileTheProcessBeforeAnUpgradeServesUsers) {
  const Gate gate;
  alice_.on("/long", [gate](NodeExchange& exchange) {
    (void)gate.wait();
    exchange.respond(200, "at last");
  });
  std::vector<TestConfig> configs;
  for (std::size_t i = 0; i < 2; ++i) {
    configs.push_back(
        config(i, {"idle_timeout = \"2s\""}, {"members = 1", "silent_after = \"2s\""}));
    configs.back().timeouts = {"shutdown = \"30s\""};
  }
  ASSERT_NO_FATAL_FAILURE(launch(configs));
  User user{member(1).address()};
  for (user.click(); user.node() != "alice"; user.click()) user = User{member(1).address()};
  order(0, "bleed alice");
  HttpClient client(member(1).address());
  client.send(
      Request{.target = "/long", .headers = {{"Cookie", "bonedry=" + user.cookie()}}}.to_wire());
  ASSERT_TRUE(eventually([&] { return node(1, alice_).exchanges_open == 1; }));
  user.disconnect();
  member(1).upgrade();
  member(1).stop();
  EXPECT_THAT(member(1).err(),
              HasSubstr("another process still serves users, so this member stays"));
  EXPECT_EQ(cluster_of(member(0)).at("members").size(), 2U);
  EXPECT_TRUE(eventually([&] { return node(0, alice_).blocked_by("p2 has not been heard"); }));
  EXPECT_FALSE(node(0, alice_).dry);
  gate.open();
  EXPECT_EQ(client.read_response().body, "at last");
}

TEST_P(ClusterFaultStory, TwoMembersOfOneName) {
  ASSERT_NO_FATAL_FAILURE(launch(1));
  BonedryProcess second{config(0)};
  EXPECT_TRUE(second.says("belongs to the state directory of another member"));
  EXPECT_THROW(User{second.address()}.click(), SocketError);
  EXPECT_EQ(User{member(0).address()}.click().status, 200);
}

TEST_P(ClusterFaultStory, AMemberWithAnotherSecretIsNamed) {
  ASSERT_NO_FATAL_FAILURE(launch(1));
  TestConfig other = config(1);
  other.server.back() = R"(secrets = ["another secret, which none of the others has at all"])";
  BonedryProcess stranger{other};
  EXPECT_TRUE(member(0).says("member p2 cannot be understood: it has another secret"));
}

TEST_P(ClusterFaultStory, AStoreWithAnotherPassword) {
  const RedisServer locked{{"--requirepass", "sesame"}};
  TestConfig config = this->config(0);
  config.sections[2] = "store = \"" + locked.url() + "\"";
  const BonedryProcess alone{config};
  EXPECT_TRUE(alone.says("the store is lost: "));
  EXPECT_EQ(store_state(alone), "lost");
  EXPECT_THAT(cluster_of(alone)["store"]["why"].get<std::string>(), HasSubstr("password"));
}

}  // namespace
}  // namespace bonedry::test
