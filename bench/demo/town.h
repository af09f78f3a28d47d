#pragma once

#include "bench/demo/loop.h"
#include "bench/demo/random.h"
#include "bench/demo/tally.h"
#include "bench/demo/truth.h"

#include <cstdint>
#include <string>

namespace bonedry::demo {

/// How people behave.
struct Manners {
  unsigned shoppers = 240;  ///< how many shop at any time
  unsigned crawlers = 4;
  Millis think_least{300};  ///< between two clicks; the longest must be well under idle_timeout
  Millis think_most{2000};
  Millis stay_least{4000};  ///< from the first click to the last
  Millis stay_most{12'500};
  Millis rush{3000};  ///< over how long the first of them arrive
};

/// What all simulated users share: where the shop is, and where they write down what they saw.
/// Made by the story, outlives them all.
struct Town {
  Loop& loop;
  Random& random;
  Truth& truth;
  Tally& tally;
  Manners manners;
  std::uint16_t shop_port = 0;  ///< the proxy's listener
  std::string session_cookie;   ///< the proxy's cookie
};

}  // namespace bonedry::demo
