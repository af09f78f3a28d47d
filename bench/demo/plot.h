#pragma once

#include "bench/demo/town.h"

#include <optional>

namespace bonedry::demo {

/// The durations of the acts of the story, where the users do not decide them.
struct Plot {
  UserBehavior manners;
  std::optional<Millis> idle_timeout;  ///< instead of the config's
  Millis opening{6500};                ///< both shops open, before the first bleed
  Millis installing{800};              ///< how long an update takes, while the shop is closed
  Millis interlude{4500};              ///< between a node's return and the next bleed
  Millis ending{3000};
};

/// The whole story, in about a minute.
[[nodiscard]] inline Plot full_plot() {
  return {};
}

/// The same story with fewer and faster users, for tests: about 25 s.
[[nodiscard]] inline Plot quick_plot() {
  using std::chrono::seconds;
  Plot plot;
  plot.manners = {.shoppers = 80,
                  .crawlers = 2,
                  .think_least = Millis{200},
                  .think_most = seconds{1},
                  .stay_least = Millis{1500},
                  .stay_most = Millis{4500},
                  .rush = seconds{1}};
  plot.idle_timeout = seconds{2};
  plot.opening = seconds{3};
  plot.installing = Millis{300};
  plot.interlude = seconds{2};
  plot.ending = seconds{1};
  return plot;
}

}  // namespace bonedry::demo
