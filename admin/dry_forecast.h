#pragma once

#include "proxy/base/clock.h"

#include <string>

namespace bonedry::admin {

/// How long until a node is dry, as a forecast.
struct DryForecast {
  Millis likely{0};  ///< as likely to be sooner as to be later
  Millis low{0};     ///< one in ten is sooner
  Millis high{0};    ///< one in ten is later

  friend bool operator==(const DryForecast&, const DryForecast&) = default;
};

/// "dry in about 14m (9m to 31m)"; "dry in 12m" when there is no doubt. Rounded to what people
/// want to know.
[[nodiscard]] std::string to_text(const DryForecast& forecast);

}  // namespace bonedry::admin
