#pragma once

#include "session/sealed_cookie.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace bonedry::admin::cluster {

/// A name that never comes twice: 32 hexadecimal digits of the system's random generator.
[[nodiscard]] inline std::string random_name() {
  const session::SessionKey bits = session::random_session_key();
  std::array<char, 33> text{};
  (void)std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64, bits.high, bits.low);
  return text.data();
}

}  // namespace bonedry::admin::cluster
