#include "balancer/node_meter.h"

#include <algorithm>
#include <functional>

namespace bonedry::balancer {

void NodeTotals::add(const NodeTotals& other) {
  for (const auto& [name, count] : kNodeCounts) this->*count += other.*count;
  for (const auto& [name, durations] : kNodeDurations) (this->*durations).add(other.*durations);
  std::ranges::transform(responses, other.responses, responses.begin(), std::plus{});
}

NodeTotals NodeTotals::since(const NodeTotals& before) const {
  const auto grown = [](std::uint64_t now, std::uint64_t then) {
    return now > then ? now - then : 0;
  };
  NodeTotals news;
  for (const auto& [name, count] : kNodeCounts) news.*count = grown(this->*count, before.*count);
  for (const auto& [name, durations] : kNodeDurations) {
    const DurationTotals& now = this->*durations;
    const DurationTotals& then = before.*durations;
    std::ranges::transform(now.buckets, then.buckets, (news.*durations).buckets.begin(), grown);
    (news.*durations).sum_ms = grown(now.sum_ms, then.sum_ms);
  }
  std::ranges::transform(responses, before.responses, news.responses.begin(), grown);
  return news;
}

void NodeMeter::add_to(NodeTotals& totals) const {
  for (std::size_t each = 0; each < kResponseClasses; ++each) {
    totals.responses[each] += responses[each].read();
  }
  totals.failures += failures.read();
  totals.retries += retries.read();
  totals.connects += connects.read();
  totals.connect_failures += connect_failures.read();
  totals.reuses += reuses.read();
  totals.bytes_in += bytes_in.read();
  totals.bytes_out += bytes_out.read();
  totals.duration.add(duration.read());
  totals.connect.add(connect.read());
  totals.queue.add(queue.read());
}

NodeMeter& NodeMeters::of_worker(std::size_t worker) {
  const std::lock_guard lock(mutex_);
  if (meters_.size() <= worker) meters_.resize(worker + 1);
  if (!meters_[worker]) meters_[worker] = std::make_unique<NodeMeter>();
  return *meters_[worker];
}

void NodeMeters::set_inherited(const NodeTotals& totals) {
  const std::lock_guard lock(mutex_);
  inherited_ = totals;
}

NodeTotals NodeMeters::read() const {
  const std::lock_guard lock(mutex_);
  NodeTotals totals = inherited_;
  for (const auto& meter : meters_) {
    if (meter) meter->add_to(totals);
  }
  return totals;
}

}  // namespace bonedry::balancer
