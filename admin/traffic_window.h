#pragma once

#include "admin/status.h"
#include "balancer/duration_histogram.h"
#include "balancer/node_id.h"
#include "balancer/node_meter.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace bonedry::admin {

/// The duration in seconds that a share (0 to 1) of the exchanges did not exceed, interpolated
/// within its bucket as Prometheus does (histogram_quantile); of the last bucket, its lower bound.
/// Nothing: there were none.
[[nodiscard]] std::optional<double> quantile(const balancer::DurationTotals& durations,
                                             double share);

/// What exchanges did on each node over the last ten seconds. Holds about 1.5 KB for each node of
/// the topology. Main thread only.
class TrafficWindow {
 public:
  /// Call it several times a second. A call that comes late makes the window longer, not wrong.
  void note(const balancer::Topology& topology, Instant now);

  /// Nothing: there is no second to look back on.
  [[nodiscard]] std::optional<RecentTraffic> of(const balancer::NodeId& id) const;

 private:
  static constexpr Millis kStep = std::chrono::seconds{1};
  static constexpr std::size_t kSamples = 11;  // ten steps

  struct Sample {
    Instant at;
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    balancer::DurationTotals durations;
  };
  class History {
   public:
    void add(const Sample& sample);
    [[nodiscard]] std::optional<RecentTraffic> traffic() const;
    [[nodiscard]] Instant noted() const { return newest().at; }

   private:
    [[nodiscard]] static bool is_fewer(const Sample& now, const Sample& before);
    [[nodiscard]] const Sample& newest() const { return samples_[(count_ - 1) % kSamples]; }
    [[nodiscard]] const Sample& oldest() const {
      return samples_[count_ < kSamples ? 0 : count_ % kSamples];
    }

    std::array<Sample, kSamples> samples_{};
    std::size_t count_ = 0;  // samples taken so far
  };

  std::map<balancer::NodeId, History> nodes_;
  std::optional<Instant> noted_;
};

}  // namespace bonedry::admin
