#include "admin/forecast_news.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

/// However fast users come and go, an event log is read by people.
constexpr Millis kPause = std::chrono::minutes{1};
/// A tenth of what was told, and at least this, is not worth a word.
constexpr Millis kLeast = std::chrono::seconds{10};

}  // namespace

std::optional<std::string> ForecastNews::of(const balancer::NodeId& node, const DryIn& forecast,
                                            Instant now) {
  const auto found = told_.find(node);
  if (found == told_.end()) {
    told_.emplace(node, Told{forecast, now});
    return to_text(forecast);
  }
  Told& told = found->second;
  if (now - told.at < kPause || !is_surprise(told, forecast, now)) return std::nullopt;
  const bool sooner = now + forecast.likely < told.at + told.forecast.likely;
  told = {forecast, now};
  return to_text(forecast) + (sooner ? ", sooner than it seemed" : ", later than it seemed");
}

bool ForecastNews::is_surprise(const Told& told, const DryIn& forecast, Instant now) {
  const Millis slack = std::max(told.forecast.likely / 10, kLeast);
  const Instant expected = now + forecast.likely;
  return expected < told.at + told.forecast.low - slack ||
         expected > told.at + told.forecast.high + slack;
}

void ForecastNews::keep_only(const std::set<balancer::NodeId>& nodes) {
  std::erase_if(told_, [&nodes](const auto& told) { return !nodes.contains(told.first); });
}

}  // namespace bonedry::admin
