#pragma once

#include "proxy/base/clock.h"

namespace bonedry::redis {

/// How often a client does what nobody asks it to do.
struct Pace {
  /// How often it looks whether the server still is what a store must be.
  Millis check{1000};
  /// The first pause between attempts to connect, and what it grows to. At least 2 ms.
  Millis first_pause{250};
  Millis longest_pause{2000};
};

}  // namespace bonedry::redis
