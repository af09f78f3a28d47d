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
  std::function<double(std::mt19937_64&)> stay;  ///< how long a user wants to stay
  double arrivals_per_s = 0.3;                   ///< in the whole pool
  double crawled_per_s = 0;                      ///< requests without cookies, in the whole pool
  double history_s = 0;                          ///< how long the proxy has run
  double share = 0.5;                            ///< of the bleeding node; 1: the only node
  double in_range = 0.7;                         ///< share of true values that must be in range
};

/// The real time to dry in one bleed, and the forecast that was made.
struct Asked {
  double true_s = 0;
  std::optional<DryForecast> forecast;
};

/// A pool of two nodes in a steady state, of which one bleeds from time 0 on.
class World {
 public:
  World(const Habits& habits, const SessionTimes& times, std::uint64_t seed);

  /// The time at which the node is dry.
  [[nodiscard]] double dry_s() const { return dry_s_; }
  /// The forecast that the proxy would make at this time from what its ledger knows.
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

/// The accuracy of the forecasts for one kind of world, over many runs.
struct Score {
  std::size_t runs = 0;
  std::size_t told = 0;      ///< runs that gave a forecast
  std::size_t in_range = 0;  ///< runs whose true value was in the range
  double p10 = 0;            ///< quantile of forecast / truth
  double median = 0;
  double p90 = 0;
};

/// Asks for a forecast when each of these fractions of the time to dry has passed; one score per
/// fraction.
[[nodiscard]] std::vector<Score> scores(const Habits& habits, const SessionTimes& times,
                                        const std::vector<double>& parts, int runs);

}  // namespace bonedry::session::test
