#pragma once

#include "session/ledger.h"
#include "session/stay_histogram.h"
#include "session/survey.h"

#include <array>
#include <cstddef>
#include <optional>

namespace bonedry::session {

/// How the users of a pool behave, learnt from its sessions as they are now and from how long
/// those stayed who have left.
///
/// Whether a user is gone: nobody clicks for the last time and then tells. But those who have left
/// are spread evenly over all idle times up to the time-out, and those who are still there are
/// found only at the shorter ones, because they click. So the longest idle times show how many
/// have left, and whatever a shorter one has more than that is who will come back.
///
/// How long users stay: a life table. In each step of the time scale, how many left is divided by
/// how long users were seen there, whether they left later or are still there.
class UserModel {
 public:
  UserModel(const SessionSummary& pool, const StayHistogram& left, const SessionTimes& times);

  /// False when too few have left to say anything of the others.
  [[nodiscard]] bool has_enough_data() const { return departures_ >= kFewestDepartures; }
  /// The probability that a user who has been idle for so long does not come back.
  [[nodiscard]] double departed_probability(std::size_t idle_step) const {
    return departed_[idle_step];
  }
  /// The probability that a user who is there at this age, in seconds, is there at a later one, if
  /// all leave at `pace` times the pace that was found.
  [[nodiscard]] double survival(double age_s, double later_s, double pace) const;
  /// The relative error to be expected in how fast the last ones leave: few did so yet.
  [[nodiscard]] double relative_error() const { return relative_error_; }

 private:
  using Figures = std::array<double, TimeScale::kSteps>;

  /// Below that a forecast would be little but its range.
  static constexpr double kFewestDepartures = 5;

  void estimate_departed(const SessionSummary& pool, double timeout_s);
  void make_life_table(const SessionSummary& pool, const StayHistogram& left,
                       std::size_t sent_away);
  void smooth_tail(Figures& left, Figures& seen_s);
  [[nodiscard]] double hazard_until(double age_s) const;

  Figures departed_{};
  Figures hazard_{};  // of leaving, per second, by age
  Figures before_{};  // the sum of it over all earlier ages
  double departures_ = 0;
  double relative_error_ = 0;
};

/// How long until nobody is left, from the moment of the survey on.
struct Forecast {
  Millis likely{0};  ///< as likely to be shorter as to be longer
  Millis low{0};     ///< one in ten is shorter
  Millis high{0};    ///< one in ten is longer

  friend bool operator==(const Forecast&, const Forecast&) = default;
};

/// The last of `node`'s sessions ends when all have: each that its user has left at a known time,
/// each other when its user will have left and the idle time has passed, or at its lifetime. `at`:
/// the moment of the survey. Empty when users are there and the model does not tell.
[[nodiscard]] std::optional<Forecast> forecast(const SessionSummary& node, const UserModel& users,
                                               const SessionTimes& times, Instant at);

}  // namespace bonedry::session
