// A node that dies under load: the only thing users may notice is a new cookie.
#include "tests/scenario/story.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

/// Users who each request a page ten times a second and record which nodes served them.
class PacedUsers {
 public:
  static constexpr std::size_t kUsers = 50;
  static constexpr Millis kPace{100};  // 500 requests per second in all

  explicit PacedUsers(const std::string& address) {
    for (std::size_t i = 0; i < kUsers; ++i) users_.push_back({User{address}, {}, {}});
    for (Paced& each : users_) {
      for (int i = 0; i < 2; ++i) click(each);
    }
  }
  ~PacedUsers() { stop(); }

  void start() {
    for (Paced& each : users_) {
      threads_.emplace_back([this, &each] {
        TestTime next = TestClock::now();
        while (!stop_.wait(std::chrono::duration_cast<Millis>(next - TestClock::now()))) {
          click(each);
          next = std::max(next + kPace, TestClock::now());
        }
      });
    }
  }
  void stop() {
    stop_.open();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] std::size_t answered() const { return answered_; }
  [[nodiscard]] bool wait_for_answers(std::size_t more) const {
    const std::size_t until = answered_ + more;
    return eventually([this, until] { return answered_ >= until; });
  }

  // The results; only after `stop`.
  [[nodiscard]] std::vector<std::string> errors() const {
    std::vector<std::string> all;
    for (const Paced& each : users_) {
      all.insert(all.end(), each.errors.begin(), each.errors.end());
    }
    return all;
  }
  /// How many users were on exactly these nodes, in this order.
  [[nodiscard]] std::int64_t who_went(const std::vector<std::string>& nodes) const {
    return std::count_if(users_.begin(), users_.end(),
                         [&](const Paced& each) { return each.nodes == nodes; });
  }

 private:
  struct Paced {
    User user;
    std::vector<std::string> nodes;  // without repetitions
    std::vector<std::string> errors;
  };

  void click(Paced& each) {
    try {
      const Response response = each.user.click("/page");
      const std::string& node = each.user.node();
      if (response.status != 200 || !response.complete()) {
        each.errors.push_back("a " + std::to_string(response.status));
      } else if (each.nodes.empty() || each.nodes.back() != node) {
        each.nodes.push_back(node);
      }
    } catch (const std::exception& error) {
      each.errors.emplace_back(error.what());
    }
    ++answered_;
  }

  std::vector<Paced> users_;
  std::vector<std::thread> threads_;
  Gate stop_;
  std::atomic<std::size_t> answered_{0};
};

class DyingNodeStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, DyingNodeStory, worker_counts(), name_of_workers);

TEST_P(DyingNodeStory, UnderLoadEveryUserIsRescuedOnceAndNobodySeesAnError) {
  launch(config());
  PacedUsers users{bonedry_->address()};
  users.start();
  ASSERT_TRUE(users.wait_for_answers(500));
  const std::int64_t on_alice = node(alice_).sessions();
  EXPECT_GT(on_alice, 10);
  alice_.die();
  ASSERT_TRUE(users.wait_for_answers(500));
  alice_.start();
  ASSERT_TRUE(users.wait_for_answers(500));
  users.stop();

  EXPECT_THAT(users.errors(), testing::IsEmpty());
  EXPECT_EQ(node(alice_).rescued, on_alice) << "each of its sessions, once";
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_EQ(users.who_went({"alice", "bob"}), on_alice);
  EXPECT_EQ(users.who_went({"bob"}), static_cast<std::int64_t>(PacedUsers::kUsers) - on_alice);
  EXPECT_TRUE(eventually_idle());
}

}  // namespace
}  // namespace bonedry::test
