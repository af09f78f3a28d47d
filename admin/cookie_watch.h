#pragma once

#include "admin/event_log.h"
#include "balancer/pool_counters.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::admin {

/// Keeps the counters of pools across topologies, and reports once per pool and process when users
/// lose their cookies to another pool or another proxy. Main thread only.
class CookieWatch {
 public:
  [[nodiscard]] std::shared_ptr<balancer::PoolCounters> counters_of(const std::string& pool);
  /// Reports what is new since the last call.
  void report_new(EventLog& events);

 private:
  enum class Reported : bool { no, yes };
  /// Reports only the first occurrence.
  static void report_once(Reported& reported, std::uint64_t count, const std::string& pool,
                          std::string_view what, EventLog& events);

  struct Pool {
    std::shared_ptr<balancer::PoolCounters> counters = std::make_shared<balancer::PoolCounters>();
    Reported foreign = Reported::no;
    Reported clash = Reported::no;
    Reported clash_in_front = Reported::no;
  };
  std::map<std::string, Pool> pools_;
};

}  // namespace bonedry::admin
