#pragma once

#include "bench/demo/shared_state.h"

#include <cstddef>
#include <optional>

namespace bonedry::demo {

/// The users of a demo, and the durations of those of its phases that do not depend on the users.
struct DemoParameters {
  std::size_t proxies = 1;
  UserBehavior behavior;
  std::optional<Millis> idle_timeout;  ///< instead of the config's
  Millis before_first_bleed{6500};     ///< from the first arrival; includes the ramp-up
  Millis shop_downtime{800};           ///< how long an update keeps the shop stopped
  Millis between_bleeds{4500};         ///< from a node's activation to the next bleed
  Millis after_last_bleed{3000};
  // Only with two proxies or more:
  Millis before_outage{2000};  ///< from the begin of a bleed until a proxy ends
  Millis outage{1500};         ///< how long it is not there
};

/// Takes about a minute.
[[nodiscard]] inline DemoParameters full_demo() {
  return {};
}

/// The same steps with fewer and faster users, for tests: about 25 s.
[[nodiscard]] inline DemoParameters quick_demo() {
  using std::chrono::seconds;
  DemoParameters parameters;
  parameters.behavior = {.shoppers = 80,
                         .crawlers = 2,
                         .min_think_time = Millis{200},
                         .max_think_time = seconds{1},
                         .min_stay = Millis{1500},
                         .max_stay = Millis{4500},
                         .ramp_up = seconds{1}};
  parameters.idle_timeout = seconds{2};
  parameters.before_first_bleed = seconds{3};
  parameters.shop_downtime = Millis{300};
  parameters.between_bleeds = seconds{2};
  parameters.after_last_bleed = seconds{1};
  parameters.before_outage = Millis{500};
  parameters.outage = seconds{1};
  return parameters;
}

}  // namespace bonedry::demo
