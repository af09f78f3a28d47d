#include "bench/demo/population.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr Millis kTick{20};
constexpr Millis kLongestGap{400};  // from the time a shopper leaves until the next one arrives
constexpr double kComesBack = 0.15;
// After the session has certainly run out, but early enough to be during the bleed.
constexpr Millis kSoonestReturn{1000};
constexpr Millis kLatestReturn{4000};

}  // namespace

Population::Population(SharedState& town) : town_(town), timer_(town.loop, [this] { tick(); }) {
  const Instant now = town_.loop.now();
  for (unsigned i = 0; i < town_.manners.shoppers; ++i) {
    arrivals_.push_back(now + town_.random.between(Millis{0}, town_.manners.rush));
  }
  for (unsigned i = 0; i < town_.manners.crawlers; ++i) {
    crawlers_.push_back(std::make_unique<Crawler>(town_));
  }
  timer_.start_repeating(kTick);
}

std::size_t Population::take_fewest() {
  return std::exchange(fewest_, shopping_.size());
}

void Population::tick() {
  see_off();
  welcome();
  fewest_ = std::min(fewest_, shopping_.size());
  town_.truth.forget_old(town_.loop.now());
}

void Population::see_off() {
  const auto gone = std::stable_partition(shopping_.begin(), shopping_.end(),
                                          [](const auto& shopper) { return !shopper->away(); });
  const Instant now = town_.loop.now();
  for (auto shopper = gone; shopper != shopping_.end(); ++shopper) {
    if (!town_.random.chance(kComesBack)) continue;
    const Millis pause =
        town_.truth.idle_timeout() + town_.random.between(kSoonestReturn, kLatestReturn);
    returning_.push_back({now + pause, std::move(*shopper)});
  }
  shopping_.erase(gone, shopping_.end());
}

void Population::welcome() {
  const Instant now = town_.loop.now();
  while (shopping_.size() + arrivals_.size() < town_.manners.shoppers) {
    arrivals_.push_back(now + town_.random.between(Millis{0}, kLongestGap));
  }
  for (std::size_t due = std::erase_if(arrivals_, [now](Instant at) { return at <= now; }); due > 0;
       --due) {
    shopping_.push_back(std::make_unique<Shopper>(town_));
    shopping_.back()->come();
  }
  const auto back = std::partition(returning_.begin(), returning_.end(),
                                   [now](const Return& entry) { return entry.at > now; });
  for (auto entry = back; entry != returning_.end(); ++entry) {
    shopping_.push_back(std::move(entry->shopper));
    shopping_.back()->come();
  }
  returning_.erase(back, returning_.end());
}

}  // namespace bonedry::demo
