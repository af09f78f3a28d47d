#include "bench/demo/population.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kTick{20};
constexpr Millis kMaxReplacementDelay{400};  // from a shopper's departure to the next arrival
constexpr double kReturnProbability = 0.15;
// After the session's expiry: late enough to be certain of it, early enough to be during the bleed.
constexpr Millis kMinReturnDelay{1000};
constexpr Millis kMaxReturnDelay{4000};

}  // namespace

Population::Population(SharedState& shared)
    : shared_(shared), timer_(shared.loop, [this] { tick(); }) {
  const Instant now = shared_.loop.now();
  for (unsigned i = 0; i < shared_.behavior.shoppers; ++i) {
    arrivals_.push_back(now + shared_.random.between(Millis{0}, shared_.behavior.ramp_up));
  }
  for (unsigned i = 0; i < shared_.behavior.crawlers; ++i) {
    crawlers_.push_back(std::make_unique<Crawler>(shared_));
  }
  timer_.start_repeating(kTick);
}

std::size_t Population::take_min_active() {
  return std::exchange(min_active_, active_.size());
}

void Population::tick() {
  remove_departed();
  add_arrivals();
  min_active_ = std::min(min_active_, active_.size());
  shared_.expected.forget_expired(shared_.loop.now());
}

void Population::remove_departed() {
  const auto departed = std::stable_partition(active_.begin(), active_.end(),
                                              [](const auto& shopper) { return !shopper->away(); });
  const Instant now = shared_.loop.now();
  for (auto shopper = departed; shopper != active_.end(); ++shopper) {
    if (!shared_.random.chance(kReturnProbability)) continue;
    const Millis delay =
        shared_.expected.idle_timeout() + shared_.random.between(kMinReturnDelay, kMaxReturnDelay);
    returning_.push_back({now + delay, std::move(*shopper)});
  }
  active_.erase(departed, active_.end());
}

void Population::add_arrivals() {
  const Instant now = shared_.loop.now();
  while (active_.size() + arrivals_.size() < shared_.behavior.shoppers) {
    arrivals_.push_back(now + shared_.random.between(Millis{0}, kMaxReplacementDelay));
  }
  for (std::size_t due = std::erase_if(arrivals_, [now](Instant at) { return at <= now; }); due > 0;
       --due) {
    active_.push_back(std::make_unique<Shopper>(shared_));
    active_.back()->arrive();
  }
  const auto back = std::partition(returning_.begin(), returning_.end(),
                                   [now](const auto& entry) { return entry.arrives_at > now; });
  for (auto entry = back; entry != returning_.end(); ++entry) {
    active_.push_back(std::move(entry->shopper));
    active_.back()->arrive();
  }
  returning_.erase(back, returning_.end());
}

}  // namespace bonedry::demo
