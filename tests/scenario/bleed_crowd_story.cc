// The main story: a shop full of users, and a node that is bled dry while they shop.
#include "tests/scenario/crowd.h"
#include "tests/scenario/story.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

constexpr Millis kIdle{3000};
/// How long `wait` may still take after the last session has ended.
const Millis kPromptly = kSanitized ? Millis{3000} : Millis{1500};

class BleedStory : public ShopStory {
 protected:
  void launch_shop() { launch(config({"idle_timeout = \"3s\""})); }

  static std::vector<ObservedSession> sessions_on(const std::vector<ObservedSession>& sessions,
                                                  const FakeNode& node) {
    std::vector<ObservedSession> there;
    std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(there),
                 [&](const ObservedSession& session) { return session.node == node.name(); });
    return there;
  }

  static void expect_no_errors(const std::vector<ObservedSession>& sessions) {
    for (const ObservedSession& session : sessions) {
      EXPECT_EQ(session.error, "") << "on " << session.node << ", click " << session.clicks;
    }
  }

  /// Before this instant not all sessions can have ended.
  static TestTime earliest_end(const std::vector<ObservedSession>& sessions) {
    TestTime end{};
    for (const ObservedSession& session : sessions) end = std::max(end, session.last_sent + kIdle);
    return end;
  }
  /// By this instant all sessions must have ended.
  static TestTime latest_end(const std::vector<ObservedSession>& sessions) {
    TestTime end{};
    for (const ObservedSession& session : sessions) {
      end = std::max(end, session.last_received + kIdle);
    }
    return end;
  }

  [[nodiscard]] std::future<RunResult> wait_for(const std::string& node) const {
    return std::async(std::launch::async, [this, node] {
      return ctl().run({"wait", node}, kDeadline * 6);
    });
  }

  static void expect_prompt(const RunResult& wait, const std::vector<ObservedSession>& left) {
    EXPECT_EQ(wait.code, 0) << wait.err;
    EXPECT_THAT(wait.out, testing::StartsWith("dry"));
    EXPECT_GE(wait.ended, earliest_end(left)) << "a false dry: somebody was still there";
    EXPECT_LE(wait.ended, latest_end(left) + kPromptly)
        << std::chrono::duration_cast<Millis>(wait.ended - latest_end(left)).count()
        << " ms after the last one had gone";
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, BleedStory, worker_counts(), name_of_workers);

TEST_P(BleedStory, UsersOnABleedingNodeStayUntilTheyLeave) {
  launch_shop();
  StatusSampler sampler{*bonedry_};
  Crowd early{bonedry_->address(), 1000};
  early.start(
      {.users = 60, .ramp_up = Millis{1000}, .min_stay = Millis{1500}, .max_stay = Millis{6500}});
  ASSERT_TRUE(eventually([this] { return alice_.requests() + bob_.requests() >= 120; }));

  ASSERT_EQ(ctl().code({"bleed", "alice", "--reason", "update 4.2"}), 0);
  auto dry = wait_for("shop/alice");
  Crowd late{bonedry_->address(), 2000};
  late.start(
      {.users = 30, .ramp_up = Millis{4000}, .min_stay = Millis{1500}, .max_stay = Millis{3000}});
  late.start({.users = 5,
              .ramp_up = Millis{2000},
              .min_stay = Millis{1500},
              .max_stay = Millis{3000},
              .cookie = "forged"});
  const RunResult refused = ctl().run({"bleed", "bob"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("min_active"));

  const std::vector<ObservedSession> old_users = early.wait_until_all_left();
  const std::vector<ObservedSession> new_users = late.wait_until_all_left();
  const RunResult wait = dry.get();
  const NodeView after = node(alice_);
  sampler.stop();

  expect_no_errors(old_users);
  expect_no_errors(new_users);
  EXPECT_EQ(sessions_on(new_users, alice_).size(), 0U) << "no new user on a bleeding node";
  const std::vector<ObservedSession> on_alice = sessions_on(old_users, alice_);
  EXPECT_GE(on_alice.size(), 20U) << "or it was no story";
  expect_prompt(wait, on_alice);
  EXPECT_TRUE(after.dry);
  EXPECT_EQ(after.state, "bleeding");
  EXPECT_EQ(after.sessions(), 0);
  EXPECT_EQ(after.moved + after.rescued, 0) << "nobody was moved";

  std::vector<ObservedSession> everybody = old_users;
  everybody.insert(everybody.end(), new_users.begin(), new_users.end());
  EXPECT_GE(sampler.samples().size(), 20U);
  expect_counts_agree(sampler.samples(), everybody, kIdle, {"alice", "bob"});

  User returning{bonedry_->address()};
  returning.set_cookie("bonedry", on_alice.front().cookie);
  const Response response = returning.click();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(returning.node(), "bob");
  EXPECT_NE(returning.cookie(), on_alice.front().cookie);
  EXPECT_EQ(node(alice_).late, after.late + 1);
  EXPECT_TRUE(node(alice_).dry);
}

TEST_P(BleedStory, AliceIsUpdatedAndThenBob) {
  launch(config({"idle_timeout = \"3s\""}, {"balance = \"round-robin\""}));
  Crowd crowd{bonedry_->address(), 3000};
  std::vector<ObservedSession> everybody;
  for (FakeNode* node : {&alice_, &bob_}) {
    const FakeNode& other = node == &alice_ ? bob_ : alice_;
    const std::size_t before = node->requests();
    crowd.start({.users = 20, .ramp_up = Millis{300}, .max_stay = Millis{2000}});
    ASSERT_TRUE(eventually([&] { return node->requests() >= before + 12; }));
    ASSERT_EQ(ctl().code({"bleed", node->name()}), 0);
    auto dry = wait_for(node->name());
    crowd.start({.users = 10, .max_stay = Millis{2000}});
    const std::vector<ObservedSession> sessions = crowd.wait_until_all_left();
    const std::vector<ObservedSession> round(
        sessions.begin() + static_cast<std::ptrdiff_t>(everybody.size()), sessions.end());
    expect_prompt(dry.get(), sessions_on(round, *node));
    ASSERT_EQ(ctl().code({"maintain", node->name()}), 0);
    node->stop();  // the update, while the shop stays open
    User shopper{bonedry_->address()};
    EXPECT_EQ(shopper.click().status, 200);
    EXPECT_EQ(shopper.node(), other.name());
    node->start();
    ASSERT_EQ(ctl().code({"activate", node->name()}), 0);
    EXPECT_EQ(new_user_on(*node).click().status, 200);
    everybody = sessions;
  }
  expect_no_errors(everybody);
  for (const FakeNode* node : {&alice_, &bob_}) {
    const NodeView view = this->node(*node);
    EXPECT_EQ(view.state, "active");
    EXPECT_EQ(view.moved + view.rescued, 0);
  }
}

TEST_P(BleedStory, ADryNodeStaysDryHoweverOftenOldUsersKnock) {
  launch(config({"idle_timeout = \"1s\""}));
  std::vector<User> users;
  for (int i = 0; i < 5; ++i) users.push_back(live_user_on(alice_));
  order("bleed alice");
  ASSERT_TRUE(eventually_dry(alice_));
  const auto requests = alice_.requests();
  for (User& user : users) {
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "bob");
    EXPECT_TRUE(node(alice_).dry);
  }
  EXPECT_EQ(alice_.requests(), requests) << "not one request came through";
  EXPECT_EQ(node(alice_).late, 5);
}

TEST_P(BleedStory, ABleedHoldsFromTheMomentItIsAnswered) {
  launch(config({}, {"balance = \"round-robin\""}));
  for (int round = 0; round < 20; ++round) {
    order("bleed alice");
    const auto before = alice_.requests();
    std::vector<std::unique_ptr<HttpClient>> strangers;
    for (int i = 0; i < 12; ++i) {  // new connections, so that every worker serves some
      strangers.push_back(std::make_unique<HttpClient>(bonedry_->address()));
      strangers.back()->send(Request{}.to_wire());
    }
    for (const auto& stranger : strangers) {
      EXPECT_EQ(stranger->read_response().headers.get("X-Node"), "bob");
    }
    ASSERT_EQ(alice_.requests(), before) << "in round " << round;
    order("activate alice");
  }
}

TEST_P(BleedStory, NobodyReachesANodeOnceItWasCalledDry) {
  // These users think for about as long as a session lasts: many return just too late, or just in
  // time. Whatever they do, once the proxy reports "dry", no session may follow.
  launch(config({"idle_timeout = \"300ms\""}));
  std::atomic<bool> open{true};
  std::vector<std::thread> crowd;
  for (unsigned i = 0; i < 30; ++i) {
    crowd.emplace_back([this, &open, i] {
      std::mt19937 random{i};
      std::uniform_int_distribution<int> think{200, 500};
      std::bernoulli_distribution is_another_person{0.3};
      User user{bonedry_->address()};
      while (open) {
        try {
          EXPECT_EQ(user.click().status, 200);
        } catch (const SocketError& error) {
          ADD_FAILURE() << error.what();
        }
        std::this_thread::sleep_for(Millis{think(random)});
        if (is_another_person(random)) user.forget_cookies();
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    const auto start = alice_.requests();
    EXPECT_TRUE(eventually([&] { return alice_.requests() > start + 20; }));
    order("bleed alice");
    EXPECT_EQ(bonedry_->admin("wait alice", kDeadline * 3).substr(0, 4), "dry:");
    const auto when_dry = alice_.requests();
    std::this_thread::sleep_for(Millis{700});  // every user clicks at least once more
    EXPECT_EQ(alice_.requests(), when_dry) << "in round " << round;
    EXPECT_TRUE(node(alice_).dry);
    order("activate alice");
  }
  open = false;
  for (std::thread& one : crowd) one.join();
}

TEST_P(BleedStory, BleedAndWaitInOneCommand) {
  launch(config({"idle_timeout = \"1s\""}));
  User user = live_user_on(alice_);
  const TestTime last_click = TestClock::now();
  const RunResult result = ctl().run({"bleed", "alice", "--wait"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_GE(elapsed_since(last_click), Millis{900});
  EXPECT_TRUE(node(alice_).dry);
}

}  // namespace
}  // namespace bonedry::test
