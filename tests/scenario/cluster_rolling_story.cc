// All members are restarted or upgraded, one after the other, while users with kept connections
// click: nobody gets a broken answer, nobody is moved, and each is still counted once.
#include "tests/scenario/cluster_story.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

/// What a user meets who is sent on to another member, and what he must not meet.
struct RollFigures {
  std::size_t clicks = 0;
  std::size_t refused = 0;      ///< connections
  std::size_t closed_idle = 0;  ///< connections, though no answer had said so
  /// Requests over a kept connection that was closed before the first byte of an answer: browsers
  /// repeat them, for the connection may have been idle for too long.
  std::size_t closed_before = 0;
  std::size_t failed = 0;
  std::string first_failure = {};

  void add(const RollFigures& other) {
    clicks += other.clicks;
    refused += other.refused;
    closed_idle += other.closed_idle;
    closed_before += other.closed_before;
    failed += other.failed;
    if (first_failure.empty()) first_failure = other.first_failure;
  }
  void fail(const std::string& why) {
    if (failed++ == 0) first_failure = why;
  }
};

/// A user behind a layer-4 balancer: a kept connection to some member, and when it is gone, another
/// one to the next member that takes connections.
class BalancedUser {
 public:
  BalancedUser(const std::vector<std::string>& addresses, std::size_t through)
      : addresses_(addresses), through_(through) {}

  /// One click, wherever it is answered.
  void click(const std::string& target, RollFigures& figures) {
    ++figures.clicks;
    // Now and then a browser opens another connection.
    if (++clicks_ % kClicksOfAConnection == 0) connection_.reset();
    for (const TestTime start = TestClock::now(); elapsed_since(start) < kDeadline;) {
      const bool is_kept = connection_ && connection_->usable();
      if (connection_ && !is_kept) ++figures.closed_idle;
      if (!is_kept && !connect(figures)) continue;
      try {
        return take(exchange(target), figures);
      } catch (const SocketError& error) {
        connection_.reset();
        if (!is_kept || is_begun_) return figures.fail(error.what());
        ++figures.closed_before;
      }
    }
    figures.fail("no member takes connections");
  }
  [[nodiscard]] const std::string& home() const { return home_; }

 private:
  static constexpr std::size_t kClicksOfAConnection = 10;

  [[nodiscard]] bool connect(RollFigures& figures) {
    through_ = (through_ + 1) % addresses_.size();
    connection_.reset();
    try {
      connection_ = std::make_unique<HttpClient>(addresses_[through_]);
      return true;
    } catch (const ConnectionRefused&) {
      ++figures.refused;
      return false;
    }
  }
  [[nodiscard]] Response exchange(const std::string& target) {
    is_begun_ = false;
    Request request{.target = target};
    if (!cookie_.empty()) request.headers.add("Cookie", "bonedry=" + cookie_);
    connection_->send(request.to_wire());
    char byte = 0;
    is_begun_ = connection_->socket().wait_readable(kDeadline) &&
                ::recv(connection_->socket().fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    return connection_->read_response();
  }
  void take(const Response& response, RollFigures& figures) {
    const std::string node = response.headers.get("X-Node");
    const auto given = set_cookie_value(response);
    if (home_.empty()) home_ = node;
    if (response.status != 200) figures.fail("got a " + std::to_string(response.status));
    if (!response.complete()) figures.fail("an answer was broken off");
    if (node != home_) figures.fail("was moved from " + home_ + " to " + node);
    if (given && !cookie_.empty()) figures.fail("got a second cookie");
    if (given) cookie_ = *given;
    const bool is_to_close = response.headers.has_token("Connection", "close");
    if (is_to_close || !response.complete()) connection_.reset();
  }

  const std::vector<std::string>& addresses_;
  std::size_t through_;
  std::size_t clicks_ = 0;
  std::unique_ptr<HttpClient> connection_;
  std::string cookie_;
  std::string home_;
  bool is_begun_ = false;  // the latest answer
};

/// Users on a few threads, each of whom clicks again once all others of his thread have.
class ConstantLoad {
 public:
  ConstantLoad(std::vector<std::string> addresses, std::size_t users)
      : addresses_(std::move(addresses)) {
    for (std::size_t i = 0; i < users; ++i) users_.emplace_back(addresses_, i);
    each_clicks(0, users_.size(), figures_);  // twice: their sessions are live
    each_clicks(0, users_.size(), figures_);
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this, i] { go_on(i); });
    }
  }
  ~ConstantLoad() { (void)end(); }
  ConstantLoad(const ConstantLoad&) = delete;
  ConstantLoad& operator=(const ConstantLoad&) = delete;

  RollFigures end() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return figures_;
  }
  /// Waits until each user has clicked again.
  [[nodiscard]] bool all_click_again() const {
    std::array<std::size_t, kThreads> before{};
    for (std::size_t i = 0; i < kThreads; ++i) before[i] = rounds_[i];
    return eventually([&] {
      for (std::size_t i = 0; i < kThreads; ++i) {
        if (rounds_[i] < before[i] + 2) return false;
      }
      return true;
    });
  }
  /// Once they have ended.
  [[nodiscard]] std::int64_t users_of(const std::string& node) const {
    return std::ranges::count(users_, node, &BalancedUser::home);
  }

 private:
  static constexpr std::size_t kThreads = 8;

  void each_clicks(std::size_t first, std::size_t end, RollFigures& figures) {
    for (std::size_t i = first; i < end; ++i) {
      users_[i].click(i % 10 == 0 ? "/slow" : "/", figures);
    }
  }
  void go_on(std::size_t number) {
    const std::size_t share = users_.size() / kThreads;
    RollFigures figures;
    while (!over_) {
      each_clicks(number * share, (number + 1) * share, figures);
      ++rounds_[number];
    }
    const std::lock_guard lock{mutex_};
    figures_.add(figures);
  }

  const std::vector<std::string> addresses_;
  std::vector<BalancedUser> users_;
  std::array<std::atomic<std::size_t>, kThreads> rounds_{};
  std::atomic<bool> over_{false};
  std::mutex mutex_;  // guards figures_
  RollFigures figures_;
  std::vector<std::thread> threads_;
};

class ClusterRollingStory : public ClusterStory {
 protected:
  static constexpr std::size_t kUsersOfAll = 200;

  void open_shop() {
    for (FakeNode* const node : {&alice_, &bob_}) node->on("/slow", answer_in_two_parts);
    std::vector<TestConfig> configs;
    for (std::size_t i = 0; i < 3; ++i) {
      configs.push_back(config(i, {R"(idle_timeout = "1m")"}));
      configs[i].pools[0].address = ports_[i].address();
    }
    launch(configs);
  }
  [[nodiscard]] std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const auto& member : members_) all.push_back(member->address());
    return all;
  }
  /// An answer that is on its way for a while, so that there are always some when a member ends.
  static void answer_in_two_parts(NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", "8"}}) + "half");
    std::this_thread::sleep_for(Millis{60});
    exchange.send("half");
  }
  /// The member that was told to end has ended and is back: it serves, and the others hear it.
  [[nodiscard]] bool is_back(std::size_t index) const {
    return eventually([&] { return takes_connections(index) && all_are_heard(3); }, kDeadline * 2);
  }
  void expect_bleeding(std::size_t index) const {
    EXPECT_EQ(node(index, alice_).state, "bleeding");
    EXPECT_FALSE(node(index, alice_).dry);
  }
  void expect_end(ConstantLoad& load) const {
    ASSERT_TRUE(load.all_click_again());
    const RollFigures figures = load.end();
    std::cout << "  " << figures.clicks << " clicks, " << figures.failed << " failed, "
              << figures.closed_idle << " idle connections closed, " << figures.refused
              << " refused, " << figures.closed_before << " requests repeated\n";
    EXPECT_EQ(figures.failed, 0U) << figures.first_failure;
    for (const FakeNode* const each : {&alice_, &bob_}) {
      EXPECT_TRUE(all_come_to([&](std::size_t i) {
        return node(i, *each).live == load.users_of(each->name()) && node(i, *each).pending == 0;
      })) << each->name()
          << " has " << load.users_of(each->name()) << ": " << member(0).status().dump();
    }
    EXPECT_EQ(moved(), 0);
  }

 private:
  [[nodiscard]] bool takes_connections(std::size_t index) const {
    try {
      return Socket::connect_tcp(member(index).address()).is_open();
    } catch (const SocketError&) {
      return false;
    }
  }

  std::array<ListeningPort, 3> ports_;  // a member that is started again has the same address
};

/// Four workers: each has connections that wait to be accepted.
INSTANTIATE_TEST_SUITE_P(Workers, ClusterRollingStory, testing::Values(4U), name_of_workers);

TEST_P(ClusterRollingStory, UsersNoticeNoRestart) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  ConstantLoad load{addresses(), kUsersOfAll};
  order(0, "bleed alice");
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(load.all_click_again());
    member(i).restart();
    ASSERT_TRUE(is_back(i)) << member(i).status().dump();
    expect_bleeding(i);
  }
  expect_end(load);
}

TEST_P(ClusterRollingStory, UsersNoticeNoUpgrade) {
  ASSERT_NO_FATAL_FAILURE(open_shop());
  ConstantLoad load{addresses(), kUsersOfAll};
  order(0, "bleed alice");
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(load.all_click_again());
    member(i).upgrade();
    EXPECT_TRUE(member(i).predecessor_ends());
    ASSERT_TRUE(is_back(i)) << member(i).status().dump();
    expect_bleeding(i);
  }
  expect_end(load);
  const RollFigures figures = load.end();
  EXPECT_EQ(figures.refused, 0U);
  EXPECT_EQ(figures.closed_idle + figures.closed_before, 0U) << "each is answered once more";
}

}  // namespace
}  // namespace bonedry::test
