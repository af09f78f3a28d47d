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

/// What one user knows of his own visit: the truth that the proxy's counts are compared with.
struct Visit {
  std::string node;  ///< the node that served the first click
  TestTime first_asked;
  TestTime first_answered;
  std::optional<TestTime> second_asked;
  std::optional<TestTime> second_answered;
  TestTime last_asked;
  TestTime last_answered;
  std::size_t clicks = 0;
  std::string cookie;
  std::string complaint;  ///< what went wrong; "" when nothing did
};

/// Simulated users, one thread each: they arrive, click with think times in between, and leave.
class Crowd {
 public:
  struct Plan {
    std::size_t users = 0;
    Millis arrive_within{1000};
    Millis stay_at_least{1000};
    Millis stay_at_most{3000};
    Millis think_at_most{1200};
    std::string cookie = {};  ///< that each user sends from the start, e.g. a forged one
  };

  Crowd(std::string address, std::uint64_t seed) : address_(std::move(address)), seed_(seed) {}
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// These users start to arrive; does not wait for them.
  void arrive(const Plan& plan);
  /// Waits until all have left; returns their visits, in no particular order.
  [[nodiscard]] std::vector<Visit> wait_until_all_left();

 private:
  void visit(const Plan& plan, std::uint64_t seed);

  std::string address_;
  std::uint64_t seed_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards visits_
  std::vector<Visit> visits_;
};

/// Requests `status json` every 250 ms until it is stopped, and keeps the replies.
class StatusSampler {
 public:
  struct Sample {
    TestTime asked;
    TestTime answered;
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

/// Compares every sample with what the users know: on each node the numbers of live and pending
/// sessions must be right, except for users in transit, who had a request in flight or were within
/// 250 ms of their idle time-out.
void expect_counts_agree(const std::vector<StatusSampler::Sample>& samples,
                         const std::vector<Visit>& visits, Millis idle_timeout,
                         const std::vector<std::string>& nodes);

}  // namespace bonedry::test
