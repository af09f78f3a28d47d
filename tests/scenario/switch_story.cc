// Blue and green: a pool is switched from one group of its nodes to the other and back, and a node
// gets another name, while users click.
#include "tests/scenario/crowd.h"
#include "tests/scenario/story.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// Alice and bob are blue, carol and dora are green.
class SwitchStory : public Story {
 protected:
  void launch(const std::string& idle_timeout = "2s") {
    bonedry_ = std::make_unique<BonedryProcess>(shop(workers(),
                                                     {{alice_, {"group = \"blue\""}},
                                                      {bob_, {"group = \"blue\""}},
                                                      {carol_, {"group = \"green\""}},
                                                      {dora_, {"group = \"green\""}}},
                                                     {"idle_timeout = \"" + idle_timeout + "\""}));
    EXPECT_EQ(run({"switch", "shop", "blue", "--wait"}).code, 0);
  }

  [[nodiscard]] RunResult run(const std::vector<std::string>& arguments) const {
    return Ctl{*bonedry_}.run(arguments, kDeadline * 6);
  }

  [[nodiscard]] static bool is_blue(const std::string& node) {
    return node == "alice" || node == "bob";
  }
  [[nodiscard]] std::int64_t moved() const {
    std::int64_t sum = 0;
    for (const char* name : {"alice", "bob", "carol", "dora"}) sum += bonedry_->node(name).moved;
    return sum;
  }

  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  FakeNode carol_{"carol"};
  FakeNode dora_{"dora"};
  std::unique_ptr<BonedryProcess> bonedry_;
};

INSTANTIATE_TEST_SUITE_P(Workers, SwitchStory, worker_counts(), name_of_workers);

TEST_P(SwitchStory, ToAndFroUnderTwoHundredUsersNobodyNotices) {
  launch();
  Crowd crowd(bonedry_->address(), 11);
  crowd.start(
      {.users = 200, .ramp_up = Millis{5000}, .min_stay = Millis{1000}, .max_stay = Millis{4000}});
  for (const char* group : {"green", "blue", "green"}) {
    const RunResult done = run({"switch", "shop", group, "--wait"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr(std::string("new users of pool shop go to group ") + group));
  }
  const auto sessions = crowd.wait_until_all_left();
  EXPECT_EQ(sessions.size(), 200U);
  EXPECT_THAT(sessions, Each(Field(&ObservedSession::error, IsEmpty())));
  EXPECT_EQ(moved(), 0);
  EXPECT_GT(alice_.requests() + bob_.requests(), 0U);
  EXPECT_GT(carol_.requests() + dora_.requests(), 0U);
}

TEST_P(SwitchStory, ACutMovesEveryUserExactlyOnce) {
  launch("1m");
  constexpr std::size_t kThreads = 4;
  std::vector<User> users;
  for (int i = 0; i < 200; ++i) {
    users.emplace_back(bonedry_->address()).click();
    users.back().click();
    EXPECT_TRUE(is_blue(users.back().node())) << users.back().node();
  }
  std::vector<int> moves(users.size(), 0);
  std::atomic<bool> cut_is_over{false};
  std::vector<std::thread> clickers;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    clickers.emplace_back([&, thread] {
      const auto click_all = [&] {
        for (std::size_t i = thread; i < users.size(); i += kThreads) {
          const std::string before = users[i].node();
          EXPECT_EQ(users[i].click().status, 200);
          if (users[i].node() != before) ++moves[i];
        }
      };
      while (!cut_is_over) click_all();
      click_all();
      click_all();
    });
  }
  const RunResult cut = run({"switch", "shop", "green", "--cut"});
  cut_is_over = true;
  for (std::thread& each : clickers) each.join();
  EXPECT_EQ(cut.code, 0) << cut.err;
  EXPECT_THAT(cut.out, HasSubstr("200 sessions are moved, each at its next request"));
  EXPECT_THAT(moves, Each(1));
  for (const User& user : users) EXPECT_FALSE(is_blue(user.node())) << user.node();
  EXPECT_EQ(moved(), 200);
  EXPECT_TRUE(eventually([this] { return bonedry_->node("alice").dry; }));
  EXPECT_TRUE(eventually([this] { return bonedry_->node("bob").dry; }));
}

TEST_P(SwitchStory, WhatIsDryIsToldByGroup) {
  launch();
  EXPECT_THAT(bonedry_->admin("status"),
              HasSubstr("pool shop: group blue is active, group green is dry\n"));
  User ann{bonedry_->address()};
  ann.click();
  ann.click();
  EXPECT_EQ(run({"switch", "shop", "green"}).code, 0);
  EXPECT_THAT(
      bonedry_->admin("status"),
      HasSubstr("group blue bleeds (1 live and 0 pending sessions), group green is active"));
  const RunResult late = run({"switch", "shop", "green", "--wait", "--timeout", "1ms"});
  EXPECT_EQ(late.code, 3);
  EXPECT_THAT(late.err, HasSubstr("error: timed out after "));
  const RunResult waited = run({"--json", "switch", "shop", "green", "--wait"});
  EXPECT_EQ(waited.code, 0) << waited.err;
  EXPECT_EQ(json::parse(waited.out).at("dry"), true);
  EXPECT_THAT(bonedry_->admin("status"),
              HasSubstr("pool shop: group blue is dry, group green is active\n"));
}

TEST_P(SwitchStory, ANodeWithAnotherNameKeepsItsUsersEvenWithoutALedger) {
  bonedry_ = std::make_unique<BonedryProcess>(shop(workers(), {alice_, bob_}));
  std::map<std::string, User> users;
  while (users.size() < 2) {
    User user{bonedry_->address()};
    user.click();
    user.click();
    users.try_emplace(user.node(), std::move(user));
  }
  User& ann = users.at("alice");
  bonedry_->configure(
      shop(workers(), {{"anna", alice_.address(), {"formerly = [\"alice\"]"}}, bob_}));
  EXPECT_THAT(bonedry_->admin("upgrade"),
              HasSubstr("by an upgrade: reload first, and upgrade then"));
  EXPECT_THAT(bonedry_->admin("reload"), StartsWith("reloaded"));
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice") << "the application is still the one that she was on";
  EXPECT_EQ(bonedry_->node("anna").live, 1);
  bonedry_->upgrade();
  bonedry_->configure(
      shop(workers(), {{"eve", alice_.address(), {"formerly = [\"anna\"]"}}, bob_}));
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("before the previous process has ended"));
  for (auto& [name, user] : users) user.disconnect();
  EXPECT_TRUE(bonedry_->predecessor_ends());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice");
  bonedry_->configure(
      shop(workers(), {{"anna", alice_.address(), {"formerly = [\"alice\"]"}}, bob_}));
  bonedry_->stop();
  std::filesystem::remove(bonedry_->state_dir() + "/ledger");
  bonedry_->start();
  ann.go_to(bonedry_->address());
  EXPECT_EQ(ann.click().status, 200);
  EXPECT_EQ(ann.node(), "alice") << "her cookie has the earlier name";
  EXPECT_EQ(bonedry_->node("anna").late, 0);
}

}  // namespace
}  // namespace bonedry::test
