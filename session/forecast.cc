#include "session/forecast.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bonedry::session {
namespace {

constexpr std::size_t kSteps = TimeScale::kSteps;
/// The end of the life table, and all beyond it, is estimated from this many departures together.
constexpr double kTailDepartures = 20;
/// Times are computed to half a percent: a forecast is not that exact, but should be steady.
constexpr double kExactness = 0.005;
constexpr double kExactSeconds = 0.05;
/// How many ages stand for one step: steps of high ages are long, and the lifetime ends sharply.
constexpr int kAgesInStep = 8;

double seconds(Millis time) {
  return static_cast<double>(time.count()) / 1000;
}

Millis millis(double time_s) {
  return Millis{std::llround(time_s * 1000)};
}

double width_s(std::size_t step) {
  return TimeScale::begin_s(step + 1) - TimeScale::begin_s(step);
}

/// Neighbouring steps of idle time, merged.
struct Block {
  double count = 0;
  double width_s = 0;
  std::size_t end = 0;

  [[nodiscard]] double density() const { return count / width_s; }
};

/// The densities of `counts`, with steps merged so that none is higher than the one before.
std::vector<Block> falling(const std::array<double, kSteps>& counts, double timeout_s) {
  std::vector<Block> blocks;
  for (std::size_t step = 0; step < kSteps && TimeScale::begin_s(step) < timeout_s; ++step) {
    const double end_s = std::min(TimeScale::begin_s(step + 1), timeout_s);
    blocks.push_back({counts[step], end_s - TimeScale::begin_s(step), step + 1});
    while (blocks.size() > 1 && blocks.back().density() > blocks[blocks.size() - 2].density()) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back() = {blocks.back().count + last.count, blocks.back().width_s + last.width_s,
                       last.end};
    }
  }
  return blocks;
}

/// Sessions of about the same age, whose users are equally likely to come back.
struct SessionGroup {
  double age_s = 0;
  double comes_back = 0;
  double count = 0;
};

/// The sessions of a node whose users may still be there, spread evenly over the ages of their
/// step.
std::vector<SessionGroup> possibly_occupied(const SessionSummary& node, const UserModel& users,
                                            Instant at) {
  std::vector<SessionGroup> all;
  const double youngest_s = node.youngest ? seconds(at - *node.youngest) : 0;
  for (std::size_t age = 0; age < kSteps; ++age) {
    const std::size_t first = all.size();
    const auto add = [&all, first](double comes_back, double count) {
      if (comes_back == 0 || count == 0) return;
      const bool same = all.size() > first && all.back().comes_back == comes_back;
      if (!same) all.push_back({0, comes_back, 0});
      all.back().count += count / kAgesInStep;
    };
    add(1, node.held[age]);
    for (std::size_t idle = 0; idle < kSteps; ++idle)
      add(1 - users.departed_probability(idle), node.live[age][idle]);
    const std::vector<SessionGroup> of_step(all.begin() + static_cast<std::ptrdiff_t>(first),
                                            all.end());
    all.resize(first);
    const double begin_s =
        std::clamp(youngest_s, TimeScale::begin_s(age), TimeScale::begin_s(age + 1));
    const double width = TimeScale::begin_s(age + 1) - begin_s;
    for (int i = 0; i < kAgesInStep; ++i) {
      for (SessionGroup alike : of_step) {
        alike.age_s = begin_s + width * i / (kAgesInStep - 1);
        all.push_back(alike);
      }
    }
  }
  return all;
}

/// The probability distribution of the time at which a node is dry.
class Distribution {
 public:
  Distribution(const SessionSummary& node, const UserModel& users, const SessionTimes& times,
               Instant at)
      : sessions_(possibly_occupied(node, users, at)),
        users_(users),
        idle_s_(seconds(times.idle)),
        life_s_(seconds(times.lifetime)) {
    if (node.last_end) first_s_ = std::max(seconds(*node.last_end - at), 0.0);
    last_s_ = first_s_;
    if (node.youngest) {
      last_s_ = std::max(first_s_, seconds(*node.youngest + times.lifetime - at));
    }
  }

  /// The time by which the node is dry with this probability, if users leave at `pace` times the
  /// estimated pace.
  [[nodiscard]] Millis quantile(double probability, double pace) const {
    double early = first_s_;
    double late = last_s_;
    if (dry_by(early, pace) >= probability) return millis(early);
    while (late - early > kExactSeconds + kExactness * early) {
      const double middle = (early + late) / 2;
      (dry_by(middle, pace) >= probability ? late : early) = middle;
    }
    return millis(late);
  }

 private:
  [[nodiscard]] double dry_by(double time_s, double pace) const {
    double log_sum = 0;
    for (const SessionGroup& alike : sessions_) {
      const double there = still_there(alike.age_s, time_s, pace);
      if (there > 0) log_sum += alike.count * std::log1p(-there * alike.comes_back);
    }
    return std::exp(log_sum);
  }

  /// The probability that the session of a user who is not gone has not ended `time_s` from now.
  [[nodiscard]] double still_there(double age_s, double time_s, double pace) const {
    if (age_s + time_s >= life_s_) return 0;
    if (time_s < idle_s_) return 1;
    return users_.survival(age_s, age_s + time_s - idle_s_, pace);
  }

  std::vector<SessionGroup> sessions_;
  const UserModel& users_;
  double idle_s_;
  double life_s_;
  double first_s_ = 0;  // until then, sessions of users who are gone are counted
  double last_s_ = 0;   // from then on, nobody can be there
};

}  // namespace

UserModel::UserModel(const SessionSummary& pool, const StayHistogram& left,
                     const SessionTimes& times) {
  estimate_departed(pool, seconds(times.idle));
  make_life_table(pool, left, TimeScale::step_of(times.lifetime - times.idle));
}

void UserModel::estimate_departed(const SessionSummary& pool, double timeout_s) {
  ByAge counts{};
  for (const SessionSummary::Steps& of_age : pool.live) {
    for (std::size_t idle = 0; idle < kSteps; ++idle) counts[idle] += of_age[idle];
  }
  // Sums over the longer half of the time-out, so that the estimate rests on many sessions. Starts
  // with half a user, because having seen none does not mean that there are none.
  double longest = 0.5;
  for (std::size_t idle = TimeScale::step_of(millis(timeout_s / 2)); idle < kSteps; ++idle) {
    longest += counts[idle];
  }
  const double floor =
      longest / (timeout_s - TimeScale::begin_s(TimeScale::step_of(millis(timeout_s / 2))));
  std::size_t step = 0;
  for (const Block& block : falling(counts, timeout_s)) {
    const double gone = block.count > 0 ? std::min(floor / block.density(), 1.0) : 1.0;
    for (; step < block.end; ++step) departed_[step] = gone;
  }
  for (; step < kSteps; ++step) departed_[step] = 1;
}

/// `sent_away`: stays in this step or a later one were ended by the lifetime; these users had not
/// left.
void UserModel::make_life_table(const SessionSummary& pool, const StayHistogram& left,
                                std::size_t sent_away) {
  ByAge leaving{};  // by the age at which they left
  ByAge staying{};  // by current age
  for (std::size_t step = 0; step < kSteps; ++step) {
    (step < sent_away ? leaving : staying)[step] += static_cast<double>(left.counts[step]);
    staying[step] += pool.held[step];
    for (std::size_t idle = 0; idle < kSteps; ++idle) {
      const double count = pool.live[step][idle];
      if (count == 0) continue;
      const double stay_s = TimeScale::middle_s(step) - TimeScale::middle_s(idle);
      leaving[TimeScale::step_of(millis(std::max(stay_s, 0.0)))] += count * departed_[idle];
      staying[step] += count * (1 - departed_[idle]);
    }
  }
  ByAge seen_s{};
  double later = 0;
  for (std::size_t step = kSteps; step-- > 0;) {
    seen_s[step] = (later + (leaving[step] + staying[step]) / 2) * width_s(step);
    later += leaving[step] + staying[step];
    departures_ += leaving[step] + static_cast<double>(step < sent_away ? 0 : left.counts[step]);
  }
  smooth_tail(leaving, seen_s);
  for (std::size_t step = 0; step < kSteps; ++step) {
    hazard_[step] = seen_s[step] > 0 ? leaving[step] / seen_s[step] : 0;
    if (step > 0) before_[step] = before_[step - 1] + hazard_[step - 1] * width_s(step - 1);
  }
}

/// Where few departures were seen, they are pooled into one rate, which also applies to all later
/// ages.
void UserModel::smooth_tail(ByAge& left, ByAge& seen_s) {
  double departures = 0;
  double time_s = 0;
  std::size_t first = kSteps;
  while (first > 0 && departures < kTailDepartures) {
    --first;
    departures += left[first];
    time_s += seen_s[first];
  }
  if (time_s == 0) return;
  relative_error_ = 1 / std::sqrt(std::max(departures, 1.0));
  for (std::size_t step = first; step < kSteps; ++step) {
    left[step] = departures / time_s;
    seen_s[step] = 1;
  }
}

double UserModel::hazard_until(double age_s) const {
  const std::size_t step = TimeScale::step_of(millis(age_s));
  return before_[step] + hazard_[step] * (age_s - TimeScale::begin_s(step));
}

double UserModel::survival(double age_s, double later_s, double pace) const {
  return std::exp(pace * (hazard_until(age_s) - hazard_until(later_s)));
}

std::optional<DryForecast> forecast(const SessionSummary& node, const UserModel& users,
                                    const SessionTimes& times, Instant at) {
  if (node.youngest && !users.has_enough_data()) return std::nullopt;
  const Distribution outcome(node, users, times, at);
  // The range covers both: what users may do, and the error of the estimate.
  const double doubt = users.relative_error();
  return DryForecast{outcome.quantile(0.5, 1), outcome.quantile(0.1, 1 + doubt),
                     outcome.quantile(0.9, 1 / (1 + doubt))};
}

}  // namespace bonedry::session
