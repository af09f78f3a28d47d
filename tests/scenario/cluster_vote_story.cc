// What members have said to each other, or could not, while stores and members come and go: a yes
// stands, silence is no, and of two decisions the one further out of rotation holds.
#include "tests/scenario/cluster_story.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ClusterVoteStory : public ClusterStory {
 protected:
  /// With live sessions on this node. Others, who have come through this member, are on the other.
  [[nodiscard]] std::vector<User> live_users_on(const FakeNode& which, std::size_t through,
                                                std::size_t count) const {
    std::vector<User> users;
    for (int i = 0; i < 100 && users.size() < count; ++i) {
      User user{member(through).address()};
      user.click();
      if (user.node() != which.name()) continue;
      user.click();
      users.push_back(std::move(user));
    }
    if (users.size() < count) throw std::runtime_error("no new user lands on " + which.name());
    return users;
  }
  /// Whoever came before the ledgers began has left by now.
  [[nodiscard]] bool ledgers_are_complete() const {
    return all_come_to(
        [this](std::size_t i) { return member(i).status()["ledger"]["complete"] == true; });
  }
  /// One that may be refused.
  [[nodiscard]] bool is_done(std::size_t index, const std::string& line) const {
    return !member(index).admin(line, kDeadline * 2).starts_with("error: ");
  }
  [[nodiscard]] bool anybody_says_dry(const FakeNode& which) const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (node(i, which).dry) return true;
    }
    return false;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterVoteStory, testing::Values(2U),
                         [](const auto&) { return "TwoWorkers"; });

// -- A yes ----------------------------------------------------------------------------------------

/// A round is under way, and the store dies when one member has said yes. Another one, which is
/// stopped, is waited for.
class ClusterYesStory : public ClusterVoteStory {
 protected:
  void begin_a_round() {
    ASSERT_NO_FATAL_FAILURE(
        launch(3, {kLogout, R"(idle_timeout = "3s")"}, {R"(silent_after = "60s")"}));
    find_parts();
    Visits visits(live_users_on(alice_, leader_, 2));
    ASSERT_TRUE(ledgers_are_complete());
    order(leader_, "bleed alice");
    // What it says last is that nothing keeps the node from being dry on it.
    ASSERT_TRUE(eventually([this] { return is_said_to_be_quiet(stopped_); }));
    member(stopped_).pause();
    std::vector<User> users = visits.end();
    cookie_ = users[0].cookie();
    leave(users, {leader_});
    ASSERT_TRUE(eventually([this] { return voted_yes(voter_); }, kDeadline, Millis{2}))
        << member(leader_).status().dump();
    store_->kill();
    member(stopped_).resume();
    ASSERT_TRUE(all_come_to([this](std::size_t i) { return store_state(member(i)) == "lost"; }));
    EXPECT_TRUE(voted_yes(voter_));
  }
  /// The request of a user who has the cookie of one who was on alice waits, and is sent home. That
  /// member never saw him, and can ask nobody.
  void expect_held() {
    User returning{member(voter_).address()};
    returning.set_cookie("bonedry", cookie_);
    const TestTime start = TestClock::now();
    const Response response = returning.click();
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(response.headers.has("Retry-After"));
    EXPECT_GE(elapsed_since(start), Millis{2500});
    EXPECT_EQ(returning.cookie(), cookie_) << "he was moved";
  }
  void expect_dry_in_the_end() {
    store_->start_empty();
    EXPECT_TRUE(all_say_dry(alice_)) << member(leader_).status().dump();
    EXPECT_FALSE(voted_yes(voter_));
    EXPECT_EQ(moved(), 0);
    User returning{member(voter_).address()};
    returning.set_cookie("bonedry", cookie_);
    EXPECT_EQ(returning.click().status, 200);
    EXPECT_EQ(returning.node(), "bob");
  }
  [[nodiscard]] bool voted_yes(std::size_t index) const {
    const std::string text = read_file(member(index).state_dir() + "/cluster.json");
    const nlohmann::json memory = nlohmann::json::parse(text, nullptr, false);
    return !memory.is_discarded() && memory["votes"].dump().find("yes") != std::string::npos;
  }

  std::size_t leader_ = 0;
  std::size_t voter_ = 0;

 private:
  void find_parts() {
    const std::string leader = cluster_of(member(0)).at("leader");
    leader_ = static_cast<std::size_t>(leader.back() - '1');
    voter_ = (leader_ + 1) % 3;
    stopped_ = (leader_ + 2) % 3;
  }
  /// By the leader, who has heard it.
  [[nodiscard]] bool is_said_to_be_quiet(std::size_t index) const {
    const std::string name = "p" + std::to_string(index + 1);
    const nlohmann::json cluster = cluster_of(member(leader_));
    for (const auto& one : cluster.at("members")) {
      if (one.at("name") == name) {
        return one.at("blocks").empty() && node(leader_, alice_).state == "bleeding" &&
               !node(leader_, alice_).blocked_by(name);
      }
    }
    return false;
  }

  std::size_t stopped_ = 0;
  std::string cookie_;
};

INSTANTIATE_TEST_SUITE_P(Workers, ClusterYesStory, testing::Values(2U),
                         [](const auto&) { return "TwoWorkers"; });

TEST_P(ClusterYesStory, ItStandsWhenTheStoreIsLost) {
  ASSERT_NO_FATAL_FAILURE(begin_a_round());
  expect_held();
  EXPECT_TRUE(voted_yes(voter_));
  EXPECT_FALSE(anybody_says_dry(alice_));
  expect_dry_in_the_end();
}

TEST_P(ClusterYesStory, ItStandsWhenItsMemberIsKilled) {
  ASSERT_NO_FATAL_FAILURE(begin_a_round());
  member(voter_).kill9();
  EXPECT_TRUE(voted_yes(voter_));
  member(voter_).start();
  order(voter_, "start-alone");
  ASSERT_TRUE(eventually([this] {
    try {
      return Socket::connect_tcp(member(voter_).address()).is_open();
    } catch (const SocketError&) {
      return false;
    }
  }));
  expect_held();
  EXPECT_FALSE(anybody_says_dry(alice_));
  expect_dry_in_the_end();
}

// -- Silence --------------------------------------------------------------------------------------

TEST_P(ClusterVoteStory, TheStoreForgetsTheUsersOfAMemberThatIsStopped) {
  ASSERT_NO_FATAL_FAILURE(
      launch(3, {kLogout, R"(idle_timeout = "12s")"}, {R"(silent_after = "2s")"}));
  Visits visits(live_users_on(alice_, 2, 3));
  ASSERT_TRUE(all_come_to([this](std::size_t i) { return node(i, alice_).live == 3; }));
  ASSERT_TRUE(eventually([this] { return ledgers_are_complete(); }, kDeadline * 2));
  order(0, "bleed alice");
  std::vector<User> users = visits.end();
  member(2).pause();
  store_->kill();
  store_->start_empty();
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_TRUE(eventually([&] { return node(i, alice_).blocked_by("p3 has not been heard"); }));
    ASSERT_TRUE(eventually([&] {
      return store_state(member(i)) == "connected" && node(i, alice_).sessions() == 0;
    })) << "the store knows nobody";
  }
  EXPECT_FALSE(
      eventually([this] { return node(0, alice_).dry || node(1, alice_).dry; }, Millis{2000}));
  member(2).resume();
  EXPECT_TRUE(all_come_to([this](std::size_t i) { return node(i, alice_).sessions() == 3; }))
      << member(0).status().dump();
  click_through(users, {0, 1, 2});
  EXPECT_FALSE(anybody_says_dry(alice_));
  leave(users, {1, 2, 0});
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
  EXPECT_EQ(moved(), 0);
}

TEST_P(ClusterVoteStory, MessagesAreLostAndVeryLate) {
  ASSERT_NO_FATAL_FAILURE(
      launch(3, {kLogout, R"(idle_timeout = "6s")"}, {R"(silent_after = "2s")"}));
  Visits elsewhere(live_users_on(bob_, 0, 3));
  Visits visits(live_users_on(alice_, 2, 3));
  ASSERT_TRUE(ledgers_are_complete());
  order(0, "bleed alice --reason early");
  // The second member could take the silence of the others for a yes.
  for (const std::size_t i : {0U, 2U}) ways_[i]->lose(10);
  ways_[2]->slow_down(Millis{5000});
  const std::size_t before[] = {ways_[0]->connections(), ways_[2]->connections()};
  bool silent = false;
  bool told = false;
  const bool enough = eventually(
      [&] {
        EXPECT_FALSE(anybody_says_dry(alice_));
        silent = silent || state_of(cluster_of(member(1)), "p3") == "silent";
        told = told || is_done(1, "bleed alice --reason late");
        return silent && told && ways_[0]->connections() >= before[0] + 3 &&
               ways_[2]->connections() >= before[1] + 3;
      },
      kDeadline * 6, Millis{100});
  EXPECT_TRUE(enough) << "silent: " << silent << ", told: " << told;
  for (Visits* const each : {&elsewhere, &visits}) {
    std::vector<User> users = each->end();
    EXPECT_FALSE(anybody_says_dry(alice_));
    leave(users, {2, 0, 1});
  }
  for (const auto& way : ways_) way->lose(0);
  ways_[2]->slow_down(Millis{0});
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(node(i, alice_).bleeding.at("reason"), "late");
  EXPECT_EQ(moved(), 0);
}

// -- Contradictions -------------------------------------------------------------------------------

TEST_P(ClusterVoteStory, OfTwoDecisionsTheOneFurtherOutOfRotationHolds) {
  ASSERT_NO_FATAL_FAILURE(launch(3, {}, {R"(silent_after = "2s")"}));
  order(0, "bleed alice");
  ways_[2]->cut();
  ASSERT_TRUE(eventually([this] { return store_state(member(2)) == "lost"; }));
  // More often and later than the others have changed it.
  order(0, "bleed alice --reason more");
  for (int i = 0; i < 3; ++i) {
    order(2, "bleed alice --local --force --reason less");
    order(2, "activate alice --local");
  }
  EXPECT_EQ(node(2, alice_).state, "active");
  ways_[2]->mend();
  EXPECT_TRUE(all_say(alice_, "bleeding")) << member(0).status().dump();

  ways_[2]->cut();
  ASSERT_TRUE(eventually([this] { return store_state(member(2)) == "lost"; }));
  order(2, "maintain alice --local --force");
  order(0, "activate alice");
  order(1, "bleed alice");
  order(1, "activate alice");
  EXPECT_EQ(node(0, alice_).state, "active");
  ways_[2]->mend();
  EXPECT_TRUE(all_say(alice_, "maintenance")) << member(0).status().dump();
}

TEST_P(ClusterVoteStory, MembersWithUnlikePoolsAreNamedAndOnlyTheirNodesAreNotDry) {
  FakeNode carol("carol");
  FakeNode dora("dora");
  std::vector<TestConfig> right;
  for (std::size_t i = 0; i < 3; ++i) {
    right.push_back(config(i, {R"(idle_timeout = "2s")", R"(cookie = "bonedry")"}));
    right[i].pools.push_back({.name = "news",
                              .session = {R"(idle_timeout = "2s")", R"(cookie = "news")"},
                              .nodes = {carol, dora}});
  }
  std::vector<TestConfig> configs = right;
  configs[1].pools[0].session.back() = R"(cookie = "other")";
  configs[2].pools[0].nodes.emplace_back(carol);
  ASSERT_NO_FATAL_FAILURE(launch(configs));
  order(0, "bleed shop/alice");
  order(2, "bleed news/dora");
  const std::string cookie = "p2 has another config of pool shop: cookie";
  const std::string nodes = "p3 has another config of pool shop: nodes";
  EXPECT_TRUE(eventually([&] {
    return node(0, alice_).blocked_by(cookie) && node(0, alice_).blocked_by(nodes);
  })) << member(0).status().dump();
  EXPECT_TRUE(eventually(
      [this] { return node(2, alice_).blocked_by("p1 has another config of pool shop: nodes"); }));
  EXPECT_THAT(member(0).admin("status"), AllOf(HasSubstr(cookie), HasSubstr(nodes)));
  EXPECT_TRUE(all_come_to([this](std::size_t i) { return member(i).node("dora", "news").dry; },
                          kDeadline * 2));
  EXPECT_FALSE(anybody_says_dry(alice_));
  for (const std::size_t i : {1U, 2U}) {
    member(i).configure(right[i]);
    order(i, "reload");
  }
  EXPECT_TRUE(all_say_dry(alice_)) << member(0).status().dump();
}

}  // namespace
}  // namespace bonedry::test
