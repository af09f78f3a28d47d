#pragma once

#include "proxy/base/clock.h"

#include <openssl/asn1.h>

#include <cstdint>
#include <ctime>

namespace bonedry::tls {

/// Whole seconds. 1970 if it is no valid time.
[[nodiscard]] inline WallTime to_wall(const ASN1_TIME* at) {
  std::tm date{};
  if (ASN1_TIME_to_tm(at, &date) != 1) return WallTime{0};
  return WallTime{static_cast<std::int64_t>(::timegm(&date)) * 1000};
}

}  // namespace bonedry::tls
