#pragma once

#include "bench/demo/crawler.h"
#include "bench/demo/shopper.h"
#include "bench/demo/town.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace bonedry::demo {

/// All visitors of the shop: when one shopper leaves, another arrives; some return after their
/// session has run out; crawlers crawl.
class Population {
 public:
  /// The first shoppers start to arrive immediately, spread over `manners.rush`.
  explicit Population(SharedState& town);

  /// The number of shoppers between their first click and their last.
  [[nodiscard]] std::size_t shopping() const { return shopping_.size(); }
  /// The lowest number of shoppers at any time since the last call.
  std::size_t take_fewest();

 private:
  struct Return {
    Instant at;
    std::unique_ptr<Shopper> shopper;
  };

  void tick();
  void see_off();
  void welcome();

  SharedState& town_;
  std::vector<std::unique_ptr<Shopper>> shopping_;
  std::vector<Return> returning_;
  std::vector<Instant> arrivals_;
  std::vector<std::unique_ptr<Crawler>> crawlers_;
  std::size_t fewest_ = 0;
  Timer timer_;
};

}  // namespace bonedry::demo
