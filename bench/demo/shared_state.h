#pragma once

#include "bench/demo/expected_sessions.h"
#include "bench/demo/front_doors.h"
#include "bench/demo/loop.h"
#include "bench/demo/random.h"
#include "bench/demo/user_counters.h"

#include <string>

namespace bonedry::demo {

/// How simulated users behave.
struct UserBehavior {
  unsigned shoppers = 240;  ///< concurrent ones
  unsigned crawlers = 4;
  Millis min_think_time{300};   ///< between two clicks
  Millis max_think_time{2000};  ///< must be well under idle_timeout
  Millis min_stay{4000};        ///< from the first click to the last
  Millis max_stay{12'500};
  Millis ramp_up{3000};  ///< the time over which the first shoppers arrive
};

/// What all simulated users share: the shop's addresses, and where they record what they see. Owned
/// by the DemoRun; outlives all users.
struct SharedState {
  Loop& loop;
  Random& random;
  ExpectedSessions& expected;
  UserCounters& counters;
  UserBehavior behavior;
  const FrontDoors& doors;     ///< of the proxies
  std::string session_cookie;  ///< the name of the proxy's cookie
};

}  // namespace bonedry::demo
