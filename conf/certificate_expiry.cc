#include "conf/certificate_expiry.h"

namespace bonedry::conf {

std::optional<Millis> reached_warning(WallTime not_before, WallTime not_after, WallTime now) {
  // Clients that renew certificates by themselves do so when a third of the lifetime is left; to
  // warn earlier would warn of every certificate that is valid for a few days.
  const Millis earliest = (not_after - not_before) / 3;
  std::optional<Millis> reached;
  for (const Millis left : kExpiryWarnings) {
    if (left != Millis{0} && left > earliest) continue;
    if (not_after - now < left) reached = left;
  }
  return reached;
}

}  // namespace bonedry::conf
