#pragma once

#include "admin/metrics/exposition.h"
#include "balancer/duration_histogram.h"

#include <array>
#include <string>
#include <string_view>

namespace bonedry::admin::metrics {

/// The upper bounds of the buckets of all histograms, in seconds as OpenMetrics writes them.
using DurationBounds = std::array<std::string, balancer::DurationTotals::kBounds.size()>;
[[nodiscard]] DurationBounds duration_bounds();

/// The samples of a histogram in seconds, which has been begun.
void write_durations(Exposition& out, std::string_view labels,
                     const balancer::DurationTotals& totals, const DurationBounds& bounds);

}  // namespace bonedry::admin::metrics
