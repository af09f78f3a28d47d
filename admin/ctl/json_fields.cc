#include "admin/ctl/json_fields.h"

#include <algorithm>
#include <cmath>

namespace bonedry::ctl {
namespace {

constexpr double kMostSeconds = 1e10;

}  // namespace

std::optional<Millis> millis(const nlohmann::json& seconds) {
  if (!seconds.is_number()) return std::nullopt;
  // Nothing that is measured comes near: a number that does is not from bonedry.
  const double limited = std::clamp(seconds.get<double>(), -kMostSeconds, kMostSeconds);
  return Millis{std::llround(limited * 1000)};
}

std::optional<admin::DryForecast> forecast_of(const nlohmann::json& object) {
  const auto likely = millis(object.value("forecast_s", nlohmann::json()));
  if (!likely) return std::nullopt;
  return admin::DryForecast{
      *likely, millis(object.value("forecast_low_s", nlohmann::json())).value_or(*likely),
      millis(object.value("forecast_high_s", nlohmann::json())).value_or(*likely)};
}

std::string joined(const nlohmann::json& reasons) {
  std::string all;
  for (const nlohmann::json& reason : reasons)
    all += (all.empty() ? "" : ", ") + reason.get<std::string>();
  return all;
}

}  // namespace bonedry::ctl
