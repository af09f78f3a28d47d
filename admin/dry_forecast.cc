#include "admin/dry_forecast.h"

#include "proxy/base/duration.h"

#include <algorithm>
#include <chrono>

namespace bonedry::admin {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// The unit to which a time of this length is rounded.
Millis grain_of(Millis time) {
  if (time < minutes{1}) return seconds{1};
  if (time < minutes{10}) return seconds{10};
  if (time < hours{1}) return minutes{1};
  return time < hours{10} ? minutes{5} : minutes{30};
}

std::string roughly(Millis time) {
  const Millis grain = grain_of(time);
  // Never "0s" while the node has users.
  return format_duration(std::max((time + grain / 2) / grain * grain, grain));
}

}  // namespace

DryOutlook later_of(const DryOutlook& one, const DryOutlook& other) {
  if (!one.no_forecast.empty()) return one;
  if (!other.no_forecast.empty()) return other;
  if (!one.forecast) return other;
  if (!other.forecast) return one;
  return {DryForecast{std::max(one.forecast->likely, other.forecast->likely),
                      std::max(one.forecast->low, other.forecast->low),
                      std::max(one.forecast->high, other.forecast->high)},
          ""};
}

std::string likely_text(const DryForecast& forecast) {
  return roughly(forecast.likely);
}

std::string range_text(const DryForecast& forecast) {
  const std::string low = roughly(forecast.low);
  const std::string high = roughly(forecast.high);
  const std::string likely = roughly(forecast.likely);
  return low == high ? likely : likely + " (" + low + " to " + high + ")";
}

std::string to_text(const DryForecast& forecast) {
  const bool exact = roughly(forecast.low) == roughly(forecast.high);
  return (exact ? "dry in " : "dry in about ") + range_text(forecast);
}

}  // namespace bonedry::admin
