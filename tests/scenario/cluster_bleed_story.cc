// A shop with three front doors: what one of them is told and sees holds for all.
#include "tests/scenario/cluster_story.h"
#include "tests/scenario/crowd.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

constexpr std::size_t kUsers = 60;
// Two seconds and three on a machine that is not busy with other tests.
const Millis kBehind = scaled(Millis{4000});
const Millis kPromptly = scaled(Millis{6000});

class ClusterBleedStory : public ClusterStory {
 protected:
  /// A user whose first clicks came through this member: his session is live.
  [[nodiscard]] User live_user(std::size_t through) const {
    User user{member(through).address()};
    user.click();
    user.click();
    return user;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterBleedStory, worker_counts(), name_of_workers);

TEST_P(ClusterBleedStory, AUserStaysOnHisNodeWhicheverMemberHeComesThrough) {
  ASSERT_NO_FATAL_FAILURE(launch(3));
  for (int i = 0; i < 6; ++i) {
    User user = live_user(static_cast<std::size_t>(i) % 3);
    const std::string home = user.node();
    for (const std::size_t through : {1U, 2U, 0U, 2U, 1U}) {
      user.go_to(member(through).address());
      EXPECT_EQ(user.click().status, 200);
      EXPECT_EQ(user.node(), home) << "through p" << through + 1;
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually([&] { return node(i, alice_).live + node(i, bob_).live == 6; }))
        << "each user is counted once on p" << i + 1 << ": " << member(i).status().dump();
  }
}

TEST_P(ClusterBleedStory, ABleedHoldsOnAllMembersAndTheNodeIsDryWhenAllAgree) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"3s\""}));
  std::vector<User> users;
  for (int i = 0; i < 12; ++i) users.push_back(live_user(static_cast<std::size_t>(i) % 3));
  order(0, "bleed alice");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(node(i, alice_).state, "bleeding") << i;
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(live_user(static_cast<std::size_t>(i) % 3).node(), "bob");
  }
  TestTime last{};
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < users.size(); ++i) {
      const std::string home = users[i].node();
      users[i].go_to(member((i + static_cast<std::size_t>(round)) % 3).address());
      users[i].click();
      last = TestClock::now();
      EXPECT_EQ(users[i].node(), home);
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_FALSE(node(i, alice_).dry);
  }
  const RunResult waited = Ctl{member(2)}.run({"wait", "shop/alice", "--timeout", "30s"});
  EXPECT_EQ(waited.code, 0) << waited.out << waited.err;
  EXPECT_GE(waited.ended, last + Millis{3000} - Millis{100}) << "somebody was still there";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(eventually([&] { return node(i, alice_).dry; })) << "on p" << i + 1;
    EXPECT_EQ(node(i, alice_).sessions(), 0);
    EXPECT_EQ(node(i, alice_).moved, 0);
  }
}

TEST_P(ClusterBleedStory, ACrowdWhoseEveryClickComesThroughAnotherMemberIsCountedAndNobodyIsMoved) {
  constexpr Millis kIdle{3000};
  ASSERT_NO_FATAL_FAILURE(launch(3, {"idle_timeout = \"3s\""}));
  std::vector<std::string> addresses;
  std::vector<std::unique_ptr<StatusSampler>> samplers;
  for (std::size_t i = 0; i < 3; ++i) {
    addresses.push_back(member(i).address());
    samplers.push_back(std::make_unique<StatusSampler>(member(i)));
  }
  Crowd early{addresses, 1000};
  early.start({.users = kUsers,
               .ramp_up = Millis{1000},
               .min_stay = Millis{2500},
               .max_stay = Millis{7000}});
  ASSERT_TRUE(eventually([this] { return alice_.requests() + bob_.requests() >= 2 * kUsers; }));
  order(0, "bleed alice");
  auto dry = std::async(std::launch::async, [this] {
    return Ctl{member(1)}.run({"wait", "alice"}, kDeadline * 6);
  });
  Crowd late{addresses, 2000};
  late.start({.users = kUsers / 3,
              .ramp_up = Millis{3000},
              .min_stay = Millis{1500},
              .max_stay = Millis{3000}});
  const std::vector<ObservedSession> old_users = early.wait_until_all_left();
  const std::vector<ObservedSession> new_users = late.wait_until_all_left();
  const RunResult waited = dry.get();
  for (const auto& sampler : samplers) sampler->stop();

  TestTime end{};
  for (const ObservedSession& session : old_users) {
    EXPECT_EQ(session.error, "") << "on " << session.node << ", click " << session.clicks;
    if (session.node == "alice") end = std::max(end, session.last_sent + kIdle);
  }
  for (const ObservedSession& session : new_users) {
    EXPECT_EQ(session.error, "");
    EXPECT_EQ(session.node, "bob");
  }
  EXPECT_EQ(waited.code, 0) << waited.err;
  EXPECT_GE(waited.ended, end) << "a false dry: somebody was still there";
  EXPECT_LE(waited.ended, end + kPromptly)
      << std::chrono::duration_cast<Millis>(waited.ended - end).count() << " ms after the last end";
  std::vector<ObservedSession> everybody = old_users;
  everybody.insert(everybody.end(), new_users.begin(), new_users.end());
  for (const auto& sampler : samplers) {
    expect_counts_agree(sampler->samples(), everybody, kIdle, {"alice", "bob"}, kBehind);
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(node(i, alice_).moved + node(i, bob_).moved, 0);
}

TEST_P(ClusterBleedStory, ASilentMemberBlocksDrynessUntilItIsForgotten) {
  ASSERT_NO_FATAL_FAILURE(
      launch(3, {"idle_timeout = \"2s\"", "max_lifetime = \"4s\""}, {"silent_after = \"2s\""}));
  member(2).kill9();
  order(0, "bleed alice");
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(eventually([&] { return state_of(cluster_of(member(i)), "p3") == "silent"; }));
  }
  ASSERT_TRUE(eventually([&] { return node(0, alice_).blocked_by("p3 has not been heard"); }));
  const std::string refused = member(1).admin("member forget p3");
  EXPECT_THAT(refused, testing::HasSubstr("--ended"));
  order(1, "member forget p3 --ended");
  EXPECT_TRUE(eventually([&] { return node(0, alice_).dry; }, kDeadline * 2))
      << member(0).status().dump();
  EXPECT_EQ(state_of(cluster_of(member(0)), "p3"), "");
}

}  // namespace
}  // namespace bonedry::test
