#include "admin/metrics/durations.h"

#include <cstddef>
#include <cstdint>

namespace bonedry::admin::metrics {

using balancer::DurationTotals;

/// Whole numbers too have a fraction.
DurationBounds duration_bounds() {
  DurationBounds texts;
  for (std::size_t bound = 0; bound < texts.size(); ++bound) {
    const std::int64_t ms = DurationTotals::kBounds[bound].count();
    std::string digits = std::to_string(1000 + ms % 1000).substr(1);
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    texts[bound] = std::to_string(ms / 1000) + "." + digits;
  }
  return texts;
}

void write_durations(Exposition& out, std::string_view labels, const DurationTotals& totals,
                     const DurationBounds& bounds) {
  std::uint64_t up_to = 0;
  for (std::size_t bound = 0; bound < bounds.size(); ++bound) {
    out.bucket(labels, bounds[bound], up_to += totals.buckets[bound]);
  }
  up_to += totals.buckets.back();
  out.bucket(labels, "+Inf", up_to);
  out.sum(labels, static_cast<double>(totals.sum_ms) / 1000.0);
  out.count(labels, up_to);
}

}  // namespace bonedry::admin::metrics
