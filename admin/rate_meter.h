#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace bonedry::admin {

/// How fast a counter has grown over the last ten seconds. Main thread only.
class RateMeter {
 public:
  /// Call it several times a second. A call that comes late makes the window longer, not wrong.
  void note(std::uint64_t total, Instant now) {
    if (count_ > 0 && now - newest().at < kStep) return;
    samples_[count_++ % samples_.size()] = {now, total};
  }

  /// Per second; empty: there is no second to look back on.
  [[nodiscard]] std::optional<double> per_second() const {
    if (count_ < 2) return std::nullopt;
    const Sample& first = samples_[count_ < samples_.size() ? 0 : count_ % samples_.size()];
    const double seconds = std::chrono::duration<double>(newest().at - first.at).count();
    return static_cast<double>(newest().total - first.total) / seconds;
  }

 private:
  static constexpr Millis kStep = std::chrono::seconds{1};
  struct Sample {
    Instant at;
    std::uint64_t total = 0;
  };
  [[nodiscard]] const Sample& newest() const { return samples_[(count_ - 1) % samples_.size()]; }

  std::array<Sample, 11> samples_{};
  std::size_t count_ = 0;  // samples taken so far
};

}  // namespace bonedry::admin
