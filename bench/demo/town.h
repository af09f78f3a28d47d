#pragma once

#include "bench/demo/loop.h"
#include "bench/demo/random.h"
#include "bench/demo/tally.h"
#include "bench/demo/truth.h"

#include <cstdint>
#include <string>

namespace bonedry::demo {

/// How simulated users behave.
struct UserBehavior {
  unsigned shoppers = 240;  ///< how many shop at any time
  unsigned crawlers = 4;
  Millis think_least{300};  ///< between two clicks; the longest must be well under idle_timeout
  Millis think_most{2000};
  Millis stay_least{4000};  ///< from the first click to the last
  Millis stay_most{12'500};
  Millis rush{3000};  ///< the time over which the first of them arrive
};

/// The data that all simulated users share: the shop's address, and the records of what they saw.
/// Made by the story; outlives all of them.
struct SharedState {
  Loop& loop;
  Random& random;
  Truth& truth;
  Tally& tally;
  UserBehavior manners;
  std::uint16_t shop_port = 0;  ///< the proxy's listener
  std::string session_cookie;   ///< the name of the proxy's cookie
};

}  // namespace bonedry::demo
