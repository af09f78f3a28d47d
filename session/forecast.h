#pragma once

#include "session/dry_forecast.h"
#include "session/ledger.h"
#include "session/stay_histogram.h"
#include "session/survey.h"

#include <array>
#include <cstddef>
#include <optional>

namespace bonedry::session {

/// Models how the users of a pool behave, learnt from its current sessions and from how long past
/// users stayed.
///
/// Whether a user is gone: no user announces the last click. But users who have left are spread
/// evenly over all idle times up to the time-out, while users who are still there have only shorter
/// ones, because they click. So the longest idle times show how many have left, and any excess over
/// that at a shorter idle time is users who will come back.
///
/// How long users stay: a life table. In each step of the time scale, the number who left is
/// divided by how long users were observed there, whether they left later or are still there.
class UserModel {
 public:
  UserModel(const SessionSummary& pool, const StayHistogram& left, const SessionTimes& times);

  /// False when too few users have left to predict the others.
  [[nodiscard]] bool has_enough_data() const { return departures_ >= kMinDepartures; }
  /// The probability that a user who has been idle for so long does not come back.
  [[nodiscard]] double departed_probability(std::size_t idle_step) const {
    return departed_[idle_step];
  }
  /// The probability that a user who is there at this age, in seconds, is still there at a later
  /// one, if all leave at `pace` times the estimated pace.
  [[nodiscard]] double survival(double age_s, double later_s, double pace) const;
  /// The expected relative error of the pace at which the last users leave: few have done so yet.
  [[nodiscard]] double relative_error() const { return relative_error_; }

 private:
  using ByAge = std::array<double, TimeScale::kSteps>;

  /// With fewer, the range of a forecast would be too wide to be of use.
  static constexpr double kMinDepartures = 5;

  void estimate_departed(const SessionSummary& pool, double timeout_s);
  void make_life_table(const SessionSummary& pool, const StayHistogram& left,
                       std::size_t sent_away);
  void smooth_tail(ByAge& left, ByAge& seen_s);
  [[nodiscard]] double hazard_until(double age_s) const;

  ByAge departed_{};
  ByAge hazard_{};  // the rate of leaving, per second, by age
  ByAge before_{};  // the sum of the rate over all earlier ages
  double departures_ = 0;
  double relative_error_ = 0;
};

/// Predicts when the last of `node`'s sessions ends. The session of a user who has left ends at a
/// known time; any other ends when its user has left and the idle time-out has passed, or at its
/// lifetime. `at`: the time of the survey. Empty when there may be users and the model has too
/// little data.
[[nodiscard]] std::optional<DryForecast> forecast(const SessionSummary& node,
                                                  const UserModel& users, const SessionTimes& times,
                                                  Instant at);

}  // namespace bonedry::session
