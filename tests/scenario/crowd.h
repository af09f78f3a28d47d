#pragma once

#include "tests/scenario/story.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {

/// A session as its user has seen it: what the proxy's counts are compared with. Each click is one
/// request, with the times when it was sent and when its response was received.
struct ObservedSession {
  std::string node;  ///< that served the first click
  TestTime first_sent;
  TestTime first_received;
  std::optional<TestTime> second_sent;
  std::optional<TestTime> second_received;
  TestTime last_sent;
  TestTime last_received;
  std::size_t clicks = 0;
  std::string cookie;
  std::string error;  ///< what went wrong; "" when nothing did
};

/// Simulated users, one thread each: each arrives, clicks with think times in between, and leaves.
/// With several addresses, each click goes to another of them at random, on a connection that the
/// user keeps to it.
class Crowd {
 public:
  struct Plan {
    std::size_t users = 0;
    Millis ramp_up{1000};  ///< they arrive within this time
    Millis min_stay{1000};
    Millis max_stay{3000};
    Millis max_think_time{1200};
    std::string cookie = {};  ///< that each user sends from the start, e.g. a forged one
  };

  Crowd(std::string address, std::uint64_t seed)
      : Crowd(std::vector<std::string>{std::move(address)}, seed) {}
  Crowd(std::vector<std::string> addresses, std::uint64_t seed)
      : addresses_(std::move(addresses)), seed_(seed) {}
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Starts more users, and does not wait for them.
  void start(const Plan& plan);
  /// Waits until all users have left; returns all sessions since the construction, in the order in
  /// which the users left.
  [[nodiscard]] std::vector<ObservedSession> wait_until_all_left();

 private:
  void run_user(const Plan& plan, std::uint64_t seed);

  std::vector<std::string> addresses_;
  std::uint64_t seed_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards sessions_
  std::vector<ObservedSession> sessions_;
};

/// Requests `status json` every 250 ms until it is stopped, and keeps the responses.
class StatusSampler {
 public:
  struct Sample {
    TestTime requested;
    TestTime received;
    nlohmann::json status;
  };

  explicit StatusSampler(const BonedryProcess& bonedry);
  ~StatusSampler() { stop(); }
  StatusSampler(const StatusSampler&) = delete;
  StatusSampler& operator=(const StatusSampler&) = delete;

  void stop();
  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }  ///< once stopped

 private:
  void take_samples();

  const BonedryProcess& bonedry_;
  Gate stop_;
  std::vector<Sample> samples_;
  std::thread thread_;
};

/// Compares every sample with what the users have seen: on each node, the numbers of live and
/// pending sessions must be right, except for sessions in transit, which had a request in flight or
/// were within 250 ms of their idle time-out. The status may be that of `behind` ago.
void expect_counts_agree(const std::vector<StatusSampler::Sample>& samples,
                         const std::vector<ObservedSession>& sessions, Millis idle_timeout,
                         const std::vector<std::string>& nodes, Millis behind = Millis{0});

}  // namespace bonedry::test
