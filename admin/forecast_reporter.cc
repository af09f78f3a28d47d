#include "admin/forecast_reporter.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

/// Shortest time between two reports on a node, however fast users come and go, because people read
/// the event log.
constexpr Millis kReportPause = std::chrono::minutes{1};
/// A forecast outside the last range by less than a tenth of the likely time, or by less than this,
/// is not reported.
constexpr Millis kMinDeviation = std::chrono::seconds{10};

}  // namespace

std::optional<std::string> ForecastReporter::of(const balancer::NodeId& node,
                                                const DryForecast& forecast, Instant now) {
  const auto found = reported_.find(node);
  if (found == reported_.end()) {
    reported_.emplace(node, Reported{forecast, now});
    return to_text(forecast);
  }
  Reported& reported = found->second;
  if (now - reported.at < kReportPause || !deviates(reported, forecast, now)) return std::nullopt;
  const bool sooner = now + forecast.likely < reported.at + reported.forecast.likely;
  reported = {forecast, now};
  return to_text(forecast) +
         (sooner ? ", sooner than forecast before" : ", later than forecast before");
}

bool ForecastReporter::deviates(const Reported& reported, const DryForecast& forecast,
                                Instant now) {
  const Millis slack = std::max(reported.forecast.likely / 10, kMinDeviation);
  const Instant expected = now + forecast.likely;
  return expected < reported.at + reported.forecast.low - slack ||
         expected > reported.at + reported.forecast.high + slack;
}

void ForecastReporter::keep_only(const std::set<balancer::NodeId>& nodes) {
  std::erase_if(reported_,
                [&nodes](const auto& reported) { return !nodes.contains(reported.first); });
}

}  // namespace bonedry::admin
