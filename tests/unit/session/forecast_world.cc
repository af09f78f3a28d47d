#include "tests/unit/session/forecast_world.h"

#include <algorithm>
#include <cmath>

namespace bonedry::session::test {
namespace {

/// The time between two clicks in seconds: about half a minute, occasionally some minutes.
constexpr double kMedianGap = 25;
constexpr double kGapSpread = 1.1;
constexpr double kZero = 1e9;  // moment 0 as an Instant, in seconds

Instant instant(double moment_s) {
  return Instant{static_cast<std::int64_t>((kZero + moment_s) * 1000)};
}

double in_seconds(Millis time) {
  return static_cast<double>(time.count()) / 1000;
}

/// Collects the results of many runs at the same point.
class Tally {
 public:
  void add(const Asked& asked) {
    ++score_.runs;
    if (!asked.forecast) return;
    ++score_.told;
    ratios_.push_back(in_seconds(asked.forecast->likely) / asked.true_s);
    // Tolerates one second: a certain forecast has no range at all.
    const bool in_range = asked.true_s >= in_seconds(asked.forecast->low) - 1 &&
                          asked.true_s <= in_seconds(asked.forecast->high) + 1;
    if (in_range) ++score_.in_range;
  }

  [[nodiscard]] Score score() {
    std::ranges::sort(ratios_);
    score_.p10 = quantile(0.1);
    score_.median = quantile(0.5);
    score_.p90 = quantile(0.9);
    return score_;
  }

 private:
  [[nodiscard]] double quantile(double part) const {
    if (ratios_.empty()) return 0;
    return ratios_[static_cast<std::size_t>(part * static_cast<double>(ratios_.size() - 1))];
  }

  Score score_;
  std::vector<double> ratios_;
};

}  // namespace

World::World(const Habits& habits, const SessionTimes& times, std::uint64_t seed)
    : times_(times), history_s_(habits.history_s) {
  std::mt19937_64 random(seed);
  // Starts long enough ago for the oldest possible sessions, and goes on until nobody can be left.
  const double life_s = in_seconds(times.lifetime);
  const auto arrive = [&](double per_s, SessionState state) {
    if (per_s == 0) return;
    std::exponential_distribution<double> pause(per_s);
    const double first_s = -std::max(life_s, history_s_) - life_s;
    const double end_s = habits.share < 1 ? life_s : 0;
    for (double at = first_s; at < end_s; at += pause(random)) add(random, habits, at, state);
  };
  arrive(habits.arrivals_per_s, SessionState::live);
  arrive(habits.crawled_per_s, SessionState::pending);
  for (const User& user : users_) {
    if (user.on_bleeding) dry_s_ = std::max(dry_s_, user.end_s);
  }
}

void World::add(std::mt19937_64& random, const Habits& habits, double arrival_s,
                SessionState state) {
  User user;
  user.state = state;
  user.on_bleeding = arrival_s < 0 && std::bernoulli_distribution(habits.share)(random);
  user.clicks.push_back(arrival_s);
  const double life_s = in_seconds(times_.lifetime);
  double idle_s = in_seconds(times_.pending);
  if (state == SessionState::live) {
    idle_s = in_seconds(times_.idle);
    std::lognormal_distribution<double> gap(std::log(kMedianGap), kGapSpread);
    const double leaves_s = arrival_s + std::min(habits.stay(random), life_s);
    for (double at = arrival_s; at <= leaves_s && at - user.clicks.back() < idle_s;
         at += gap(random)) {
      user.clicks.push_back(at);
    }
  }
  user.end_s = std::min(user.clicks.back() + idle_s, arrival_s + life_s);
  users_.push_back(std::move(user));
}

Asked World::ask(double moment_s) const {
  SessionSummary pool;
  SessionSummary node;
  StayHistogram left;
  const Instant at = instant(moment_s);
  for (const User& user : users_) {
    const double begin_s = user.clicks.front();
    if (begin_s > moment_s) continue;
    if (user.end_s <= moment_s) {
      const double stay_s = user.clicks.back() - begin_s;
      const bool seen = user.end_s > -history_s_ && user.state == SessionState::live;
      if (seen) ++left.counts[TimeScale::step_of(Millis{std::llround(stay_s * 1000)})];
      continue;
    }
    const double last_s = *std::prev(std::ranges::upper_bound(user.clicks, moment_s));
    const Millis idle = user.state == SessionState::live ? times_.idle : times_.pending;
    SessionInfo info;
    info.state = user.state;
    info.created = instant(begin_s);
    info.last = instant(last_s);
    info.ends = std::min(info.last + idle, info.created + times_.lifetime);
    pool.add(info, at);
    if (user.on_bleeding) node.add(info, at);
  }
  const UserModel users(pool, left, times_);
  return {dry_s_ - moment_s, forecast(node, users, times_, at)};
}

std::vector<Score> scores(const Habits& habits, const SessionTimes& times,
                          const std::vector<double>& parts, int runs) {
  std::vector<Tally> tallies(parts.size());
  for (int run = 0; run < runs; ++run) {
    const World world(habits, times, static_cast<std::uint64_t>(run) + 1);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      tallies[i].add(world.ask(parts[i] * world.dry_s()));
    }
  }
  std::vector<Score> all;
  for (Tally& tally : tallies) all.push_back(tally.score());
  return all;
}

}  // namespace bonedry::session::test
