#pragma once

#include "tests/scenario/story.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {

/// Calls `body` with 0 to `count` - 1, on a few threads at a time. It must not throw.
inline void in_parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  constexpr std::size_t kThreads = 16;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < count; at = next++) body(at);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// One faulty node, Alice, behind a proxy with short time-outs. Another user, who is not involved,
/// stays connected all the time. At the end of the story nothing may be left: no exchange open, no
/// descriptor kept, no session lost.
class FaultStory : public Story {
 protected:
  static inline const Millis kResponseTimeout = scaled(Millis{500});
  static constexpr std::size_t kSparePipes = 8;  ///< per worker; each has two descriptors

  void SetUp() override {
    bonedry_ = std::make_unique<BonedryProcess>(config());
    sockets_ = bonedry_->open_descriptors("socket");
    others_ = bonedry_->open_descriptors() - sockets_;
    other_user_ = std::make_unique<User>(bonedry_->address());
    for (int i = 0; i < 2; ++i) EXPECT_EQ(other_user_->click("/bystander").status, 200);
    cookie_ = other_user_->cookie();
  }

  void TearDown() override {
    expect_other_user_unaffected();
    other_user_->disconnect();
    EXPECT_TRUE(eventually([this] { return node().exchanges_open == 0; }))
        << node().exchanges_open << " exchanges are still open";
    alice_.drop_connections();
    EXPECT_TRUE(eventually([this] { return bonedry_->open_descriptors("socket") <= sockets_; }))
        << bonedry_->open_descriptors("socket") << " sockets, and " << sockets_ << " at the start";
    const std::size_t others = bonedry_->open_descriptors() - bonedry_->open_descriptors("socket");
    EXPECT_LE(others, others_ + workers() * kSparePipes * 2);
    const NodeView view = node();
    EXPECT_EQ(view.sessions(), view.begun) << "a session ends only by the rules";
    EXPECT_EQ(view.moved + view.rescued + view.late, 0);
  }

  [[nodiscard]] TestConfig config() const {
    TestConfig config = shop(workers(), {alice_});
    const std::string time_limit = '"' + std::to_string(kResponseTimeout.count()) + "ms\"";
    config.timeouts = {"connect = " + time_limit, "response = " + time_limit,
                       "stall = " + time_limit, "shutdown = \"2s\""};
    return config;
  }

  void expect_other_user_unaffected() {
    const Response response = other_user_->click("/bystander");
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
    EXPECT_EQ(other_user_->cookie(), cookie_);
  }

  /// The response to this request, which is sent on a connection of its own.
  [[nodiscard]] Response ask(const Request& request) const {
    return HttpClient{bonedry_->address()}.exchange(request);
  }
  [[nodiscard]] Response ask(const std::string& target) const {
    return ask(Request{.target = target});
  }

  [[nodiscard]] NodeView node() const { return bonedry_->node("alice"); }

  FakeNode alice_{"alice"};
  std::unique_ptr<BonedryProcess> bonedry_;

 private:
  std::unique_ptr<User> other_user_;
  std::string cookie_;
  std::size_t sockets_ = 0;
  std::size_t others_ = 0;
};

}  // namespace bonedry::test
