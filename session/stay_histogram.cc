#include "session/stay_histogram.h"

#include <algorithm>
#include <cmath>

namespace bonedry::session {
namespace {

constexpr double kFirstStep = 0.25;  // seconds: shorter times make no difference to an operator
constexpr double kStepsPerDoubling = 3;

}  // namespace

std::size_t TimeScale::step_of(Millis time) {
  const double seconds = static_cast<double>(time.count()) / 1000;
  if (seconds < begin_s(1)) return 0;
  const auto step = static_cast<std::size_t>(std::log2(seconds / kFirstStep) * kStepsPerDoubling);
  return std::min(step, kSteps - 1);
}

double TimeScale::begin_s(std::size_t step) {
  static const auto kBegins = [] {
    std::array<double, kSteps + 1> begins{};
    for (std::size_t i = 1; i <= kSteps; ++i) {
      begins[i] = kFirstStep * std::exp2(static_cast<double>(i) / kStepsPerDoubling);
    }
    return begins;
  }();
  return kBegins[step];
}

}  // namespace bonedry::session
