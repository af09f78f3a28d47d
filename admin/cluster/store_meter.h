#pragma once

#include "admin/cluster_statistics.h"
#include "balancer/duration_histogram.h"
#include "proxy/base/clock.h"
#include "proxy/redis/commands.h"

#include <cstdint>

namespace bonedry::admin::cluster {

/// The store, with a measurement of how long its replies take. Owned by Member; main thread.
class StoreMeter final : public redis::Commands {
 public:
  /// `store` and `clock` must outlive this, and this must outlive what `store` still answers.
  StoreMeter(redis::Commands& store, const Clock& clock) : store_(store), clock_(clock) {}

  [[nodiscard]] bool connected() const override { return store_.connected(); }
  /// As that of the store. Commands without a reply are not measured.
  void send(redis::Words words, redis::Done done) override;
  /// The store can be used from now on.
  void note_connected() { ++connects_; }

  [[nodiscard]] StoreStatistics statistics() const { return {connects_, round_trips_.read()}; }

 private:
  redis::Commands& store_;
  const Clock& clock_;
  std::uint64_t connects_ = 0;
  balancer::DurationHistogram round_trips_;
};

}  // namespace bonedry::admin::cluster
