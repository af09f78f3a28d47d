#include "balancer/policy.h"

#include "tests/unit/balancer/every_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace bonedry::balancer {
namespace {

using conf::Balance;
using conf::Sticky;

constexpr std::uint64_t kSeed = 42;

std::vector<Candidate> nodes(std::size_t count) {
  std::vector<Candidate> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i].index = i;
  return all;
}

/// Adds `count` users who stay; returns how many each node got.
std::map<std::size_t, int> send_users(Policy& policy, std::vector<Candidate>& all, int count) {
  std::map<std::size_t, int> got;
  for (int i = 0; i < count; ++i) {
    Candidate& chosen = all[policy.choose(all)];
    ++chosen.sessions;
    ++chosen.exchanges;
    ++got[chosen.index];
  }
  return got;
}

class EveryPolicyTest : public testing::TestWithParam<std::tuple<Balance, Sticky>> {
 protected:
  EveryPolicyTest()
      : policy(make_policy(std::get<0>(GetParam()), std::get<1>(GetParam()), kSeed)) {}

  std::unique_ptr<Policy> policy;
};

INSTANTIATE_TEST_SUITE_P(All, EveryPolicyTest,
                         testing::Combine(test::every_policy(),
                                          testing::Values(Sticky::insert, Sticky::none)),
                         [](const auto& tested) {
                           const bool sticky = std::get<1>(tested.param) == Sticky::insert;
                           return test::name_of(std::get<0>(tested.param)) +
                                  (sticky ? "Sticky" : "NotSticky");
                         });

TEST_P(EveryPolicyTest, AskedAgainWithoutTheChosenItNamesEveryNodeOnceThenTheListIsEmpty) {
  for (std::size_t count = 1; count <= 12; ++count) {
    for (int round = 0; round < 20; ++round) {
      std::vector<Candidate> left = nodes(count);
      for (Candidate& one : left) {
        one.weight = static_cast<std::uint32_t>(1 + (one.index * 37 + count) % 1000);
        one.sessions = static_cast<std::int64_t>(one.index % 3);
      }
      std::set<std::size_t> seen;
      while (!left.empty()) {
        const std::size_t at = policy->choose(left);
        ASSERT_LT(at, left.size());
        EXPECT_TRUE(seen.insert(left[at].index).second);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
      }
      EXPECT_EQ(seen.size(), count);
    }
  }
}

TEST_P(EveryPolicyTest, TheOnlyNodeIsChosenWhateverItsLoad) {
  std::vector<Candidate> one = nodes(1);
  one[0].sessions = 1'000'000;
  one[0].exchanges = 1'000'000;
  one[0].weight = 1;
  EXPECT_EQ(policy->choose(one), 0U);
}

TEST_P(EveryPolicyTest, UsersWhoStaySpreadByWeight) {
  std::vector<Candidate> all = nodes(3);
  all[0].weight = 100;
  all[1].weight = 200;
  all[2].weight = 700;
  auto got = send_users(*policy, all, 10'000);
  EXPECT_NEAR(got[0], 1000, 150);
  EXPECT_NEAR(got[1], 2000, 150);
  EXPECT_NEAR(got[2], 7000, 150);
}

TEST_P(EveryPolicyTest, TheSmallestWeightBesideTheLargestStillGetsItsOwn) {
  std::vector<Candidate> all = nodes(2);
  all[0].weight = 1;
  all[1].weight = 1000;
  const auto got = send_users(*policy, all, 100'100);
  ASSERT_TRUE(got.contains(0));
  EXPECT_NEAR(got.at(0), 100, 60);
}

TEST_P(EveryPolicyTest, NodesThatAreAlikeShareAlike) {
  std::vector<Candidate> all = nodes(4);
  const auto got = send_users(*policy, all, 4000);
  for (const auto& [index, count] : got) EXPECT_NEAR(count, 1000, 100) << index;
  EXPECT_EQ(got.size(), 4U);
}

TEST_P(EveryPolicyTest, TiesGoRoundWhenNobodyStays) {
  // A site with little traffic: each user has left before the next one comes.
  const std::vector<Candidate> idle = nodes(4);
  std::map<std::size_t, int> got;
  for (int i = 0; i < 4000; ++i) ++got[policy->choose(idle)];
  ASSERT_EQ(got.size(), 4U);
  for (const auto& [index, count] : got) EXPECT_NEAR(count, 1000, 150) << index;
}

TEST_P(EveryPolicyTest, HugeLoadsDoNotOverflow) {
  std::vector<Candidate> all = nodes(2);
  all[0].sessions = all[0].exchanges = 1'000'000'000'000;
  all[1].sessions = all[1].exchanges = 1'000'000'000'001;
  all[0].weight = all[1].weight = 1000;
  EXPECT_LT(policy->choose(all), 2U);
}

class LeastTest : public testing::TestWithParam<std::uint64_t> {};  // the seed

INSTANTIATE_TEST_SUITE_P(Seeds, LeastTest, testing::Values(1, 2, 3, 4, 5));

TEST_P(LeastTest, LeastSessionsChoosesTheFewestByWeight) {
  const auto policy = make_policy(Balance::least_sessions, Sticky::insert, GetParam());
  std::vector<Candidate> all = nodes(3);
  all[0] = {0, 100, 50, 0};
  all[1] = {1, 200, 90, 100};  // fewer sessions per weight, whatever it has open
  all[2] = {2, 50, 30, 0};
  EXPECT_EQ(policy->choose(all), 1U);
  all[1].sessions = 110;
  EXPECT_EQ(policy->choose(all), 0U);
}

TEST_P(LeastTest, LeastExchangesChoosesTheFewestByWeightWhateverTheSessions) {
  const auto policy = make_policy(Balance::least_exchanges, Sticky::insert, GetParam());
  std::vector<Candidate> all = nodes(3);
  all[0] = {0, 100, 0, 5};
  all[1] = {1, 100, 1000, 4};
  all[2] = {2, 100, 0, 6};
  EXPECT_EQ(policy->choose(all), 1U);
}

TEST_P(LeastTest, LeastSessionsWithoutSessionsLooksAtExchanges) {
  const auto policy = make_policy(Balance::least_sessions, Sticky::none, GetParam());
  std::vector<Candidate> all = nodes(2);
  all[0] = {0, 100, 0, 5};
  all[1] = {1, 100, 0, 4};
  EXPECT_EQ(policy->choose(all), 1U);
}

TEST_P(LeastTest, AnEmptyPoolFillsItsHeaviestNodeFirst) {
  const auto policy = make_policy(Balance::least_sessions, Sticky::insert, GetParam());
  std::vector<Candidate> all = nodes(3);
  all[1].weight = 101;
  EXPECT_EQ(policy->choose(all), 1U);
}

TEST(RoundRobinTest, TheHeavyNodeDoesNotGetItsShareInOneBurst) {
  const auto policy = make_policy(Balance::round_robin, Sticky::insert, kSeed);
  std::vector<Candidate> all = nodes(3);
  all[0].weight = 500;
  std::string order;
  for (int i = 0; i < 14; ++i) order += static_cast<char>('a' + policy->choose(all));
  EXPECT_EQ(std::ranges::count(order.substr(0, 7), 'a'), 5);
  EXPECT_EQ(order.substr(0, 7), order.substr(7)) << "a round of 7 by weight, again and again";
  EXPECT_EQ(order.substr(0, 7).find("aaa"), std::string::npos) << order;
}

TEST(RoundRobinTest, ARoundGoesOnWhenANodeIsLeftOutMeanwhile) {
  const auto policy = make_policy(Balance::round_robin, Sticky::insert, kSeed);
  const std::vector<Candidate> all = nodes(3);
  const std::vector<Candidate> without_first{all[1], all[2]};
  std::map<std::size_t, int> got;
  for (int i = 0; i < 300; ++i) ++got[without_first[policy->choose(without_first)].index];
  EXPECT_EQ(got[1], 150);
  EXPECT_EQ(got[2], 150);
  got.clear();
  for (int i = 0; i < 300; ++i) ++got[all[policy->choose(all)].index];
  for (std::size_t index = 0; index < 3; ++index) EXPECT_NEAR(got[index], 100, 1) << index;
}

TEST(RandomTest, OfTwoDrawnTheLessLoadedIsTaken) {
  const auto policy = make_policy(Balance::random, Sticky::insert, kSeed);
  std::vector<Candidate> all = nodes(2);
  all[0].sessions = 10;
  int first = 0;
  for (int i = 0; i < 4000; ++i) first += policy->choose(all) == 0 ? 1 : 0;
  // Only if both random draws select it: one time in four.
  EXPECT_NEAR(first, 1000, 150);
}

TEST(RandomTest, TwoWorkersWithDifferentSeedsDoNotWalkInStep) {
  const auto one = make_policy(Balance::random, Sticky::insert, 1);
  const auto other = make_policy(Balance::random, Sticky::insert, 2);
  const std::vector<Candidate> all = nodes(8);
  int same = 0;
  for (int i = 0; i < 800; ++i) same += one->choose(all) == other->choose(all) ? 1 : 0;
  EXPECT_LT(same, 300);
}

}  // namespace
}  // namespace bonedry::balancer
