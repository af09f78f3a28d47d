#pragma once

#include "bench/demo/crawler.h"
#include "bench/demo/shared_state.h"
#include "bench/demo/shopper.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace bonedry::demo {

/// All simulated users: for each shopper who leaves another one arrives, and some come back after
/// their session has expired. Owns them, and the crawlers.
class Population {
 public:
  /// The first shoppers start to arrive immediately, spread over `behavior.ramp_up`.
  explicit Population(SharedState& shared);

  /// The number of shoppers between their first click and their last.
  [[nodiscard]] std::size_t active() const { return active_.size(); }
  /// The fewest active shoppers at any time since the last call.
  std::size_t take_min_active();

 private:
  struct Returning {
    Instant arrives_at;
    std::unique_ptr<Shopper> shopper;
  };

  void tick();
  void remove_departed();
  void add_arrivals();

  SharedState& shared_;
  std::vector<std::unique_ptr<Shopper>> active_;
  std::vector<Returning> returning_;
  std::vector<Instant> arrivals_;  // of new shoppers: when they are due
  std::vector<std::unique_ptr<Crawler>> crawlers_;
  std::size_t min_active_ = 0;
  Timer timer_;
};

}  // namespace bonedry::demo
