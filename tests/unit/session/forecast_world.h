#pragma once

#include "session/forecast.h"

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace bonedry::session::test {

/// How simulated users behave. Times in seconds.
struct Habits {
  std::string name;
  std::function<double(std::mt19937_64&)> stay;  ///< how long one wants to stay
  double arrivals_per_s = 0.3;                   ///< of the whole pool
  double crawled_per_s = 0;                      ///< requests without cookies, of the whole pool
  double history_s = 0;                          ///< how long the proxy has run
  double share = 0.5;                            ///< of the node that bleeds; 1: there is no other
  double in_range = 0.7;                         ///< so often the truth must be within the range
};

/// What one bleed was, and what was forecast in it.
struct Asked {
  double true_s = 0;
  std::optional<Forecast> forecast;
};

/// A pool of two nodes in a steady state, of which one bleeds from moment 0 on.
class World {
 public:
  World(const Habits& habits, const SessionTimes& times, std::uint64_t seed);

  /// When the node is dry.
  [[nodiscard]] double dry_s() const { return dry_s_; }
  /// What the proxy would say at this moment, knowing only what its ledger does.
  [[nodiscard]] Asked ask(double moment_s) const;

 private:
  struct User {
    bool on_bleeding = false;
    SessionState state = SessionState::live;
    std::vector<double> clicks;  // the first begins the session
    double end_s = 0;            // of the session
  };

  void add(std::mt19937_64& random, const Habits& habits, double arrival_s, SessionState state);

  SessionTimes times_;
  double history_s_;
  std::vector<User> users_;
  double dry_s_ = 0;
};

/// How good the forecasts of one kind of world were, over many runs.
struct Score {
  std::size_t runs = 0;
  std::size_t told = 0;      ///< gave a forecast at all
  std::size_t in_range = 0;  ///< the truth was within it
  double p10 = 0;            ///< of forecast / truth
  double median = 0;
  double p90 = 0;
};

/// Asks when these parts of the way to dry have passed; a score for each.
[[nodiscard]] std::vector<Score> scores(const Habits& habits, const SessionTimes& times,
                                        const std::vector<double>& parts, int runs);

}  // namespace bonedry::session::test
