#pragma once

#include "proxy/base/clock.h"
#include "proxy/io/event_loop.h"
#include "proxy/redis/client.h"
#include "tests/support/deadline.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::redis {

using bonedry::test::elapsed_since;
using bonedry::test::kDeadline;
using bonedry::test::scaled;
using bonedry::test::TestClock;

/// Turns a loop until something has happened; false if it does not in time.
inline bool turn_until(io::EventLoop& loop, const std::function<bool()>& happened,
                       Millis deadline = kDeadline) {
  const auto start = TestClock::now();
  while (!happened()) {
    if (elapsed_since(start) > deadline) return false;
    uv_run(loop.raw(), UV_RUN_ONCE);  // a tick of the timers ends its wait
  }
  return true;
}

// Scripted servers answer a command after the other: a test has its own before the client's.
constexpr Pace kNoChecks{
    .check = std::chrono::hours{1}, .first_pause = Millis{50}, .longest_pause = Millis{200}};
constexpr Pace kManyChecks{
    .check = Millis{50}, .first_pause = Millis{50}, .longest_pause = Millis{200}};

/// A client on a loop, and what it has told.
class Rig final : public Client::Handler {
 public:
  explicit Rig(Settings settings, Pace pace = kNoChecks)
      : client_(std::make_unique<Client>(loop, std::move(settings), *this, pace)) {
    client_->start();
  }
  /// By URL.
  explicit Rig(const std::string& url, Pace pace = kNoChecks)
      : Rig(*parse_store_url(url, {}), pace) {}

  [[nodiscard]] bool turn_until(const std::function<bool()>& happened,
                                Millis deadline = kDeadline) {
    return redis::turn_until(loop, happened, deadline);
  }
  /// Lets time pass at once, until a loss at most: the loop's timers go off that are due by then.
  /// Afterwards it stands still until the clock has caught up.
  void pass(Millis time) {
    uv_run(loop.raw(), UV_RUN_NOWAIT);  // what has happened before
    const std::size_t before = losses.size();
    passed_ = std::max(passed_, coarse_now());
    for (const Instant end = passed_ + time; passed_ < end && losses.size() == before;) {
      passed_ = passed_ + io::TimerWheel::kTick;
      loop.timers().advance(passed_);
    }
  }
  /// For a minute no timer goes off: a slow machine may take longer than the client is patient.
  void stop_time() { pass(std::chrono::minutes{1}); }
  [[nodiscard]] bool turn_until_connected() {
    return turn_until([this] { return client_->connected(); });
  }
  /// The next reason that the client tells, or what it told instead.
  [[nodiscard]] std::string next_loss() {
    const std::size_t before = losses.size();
    if (!turn_until([&] { return losses.size() > before; })) return "nothing was lost";
    return losses.back();
  }
  /// The reply to a command as a line: "text", "(integer) 1", "error: ERR …", "lost: …".
  [[nodiscard]] std::string run(const Words& words) {
    std::string told;
    client_->send(words, [&told](const Result<Reply>& reply) { told = as_line(reply); });
    EXPECT_EQ(told, "") << "told from inside `send`";
    if (!turn_until([&told] { return !told.empty(); })) return "nothing was told";
    return told;
  }
  static std::string as_line(const Result<Reply>& reply) {
    if (!reply) return "lost: " + reply.error();
    switch (reply->kind) {
      case Reply::Kind::error:
        return "error: " + reply->text;
      case Reply::Kind::integer:
        return "(integer) " + std::to_string(reply->integer);
      case Reply::Kind::nil:
        return "(nil)";
      case Reply::Kind::array:
        return "(array) " + std::to_string(reply->elements.size());
      default:
        return reply->text;
    }
  }
  Client& client() { return *client_; }
  void drop_client() { client_.reset(); }

  io::EventLoop loop;
  int connects = 0;
  std::vector<std::string> losses;
  std::function<void()> when_lost;

 private:
  void on_connected() override {
    ++connects;
    EXPECT_TRUE(client_->connected());
  }
  void on_lost(const std::string& why) override {
    EXPECT_FALSE(client_->connected());
    losses.push_back(why);
    if (when_lost) when_lost();
  }

  std::unique_ptr<Client> client_;
  Instant passed_ = coarse_now();
};

}  // namespace bonedry::redis
