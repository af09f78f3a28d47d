#include "admin/traffic_window.h"

#include <algorithm>
#include <functional>

namespace bonedry::admin {

using balancer::DurationTotals;

namespace {

double seconds_of(Millis duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::optional<double> quantile(const DurationTotals& durations, double share) {
  const auto rank = share * static_cast<double>(durations.count());
  double below = 0;
  Millis lower{0};
  for (std::size_t bucket = 0; bucket < DurationTotals::kBounds.size(); ++bucket) {
    const auto here = static_cast<double>(durations.buckets[bucket]);
    const Millis upper = DurationTotals::kBounds[bucket];
    if (here > 0 && below + here >= rank) {
      return seconds_of(lower) + (seconds_of(upper) - seconds_of(lower)) * (rank - below) / here;
    }
    below += here;
    lower = upper;
  }
  if (durations.buckets.back() == 0) return std::nullopt;
  return seconds_of(lower);
}

/// A count that is smaller than before: the node was added anew, or the counters of the process
/// before are other ones.
void TrafficWindow::History::add(const Sample& sample) {
  if (count_ > 0 && is_fewer(sample, newest())) count_ = 0;
  samples_[count_++ % kSamples] = sample;
}

bool TrafficWindow::History::is_fewer(const Sample& now, const Sample& before) {
  const auto& buckets = now.durations.buckets;
  return now.requests < before.requests || now.errors < before.errors ||
         !std::ranges::equal(buckets, before.durations.buckets, std::greater_equal{});
}

std::optional<RecentTraffic> TrafficWindow::History::traffic() const {
  if (count_ < 2) return std::nullopt;
  const Sample& first = oldest();
  const Sample& last = newest();
  const double seconds = seconds_of(last.at - first.at);
  DurationTotals durations;
  std::ranges::transform(last.durations.buckets, first.durations.buckets, durations.buckets.begin(),
                         std::minus{});
  return RecentTraffic{static_cast<double>(last.requests - first.requests) / seconds,
                       static_cast<double>(last.errors - first.errors) / seconds,
                       quantile(durations, 0.5), quantile(durations, 0.99)};
}

void TrafficWindow::note(const balancer::Topology& topology, Instant now) {
  if (noted_ && now - *noted_ < kStep) return;
  noted_ = now;
  for (const balancer::PoolView& pool : topology.pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      const balancer::NodeTotals totals = view.node->totals();
      nodes_[view.node->id()].add(
          {now, totals.exchanges(), totals.failures + totals.responses[5], totals.duration});
    }
  }
  std::erase_if(nodes_, [now](const auto& entry) { return entry.second.noted() != now; });
}

std::optional<RecentTraffic> TrafficWindow::of(const balancer::NodeId& id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? std::nullopt : found->second.traffic();
}

}  // namespace bonedry::admin
