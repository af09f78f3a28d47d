#pragma once

#include "balancer/duration_histogram.h"
#include "proxy/base/counter.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::balancer {

/// The classes of responses: 1 to 5 for 1xx to 5xx; 0: the node gave none.
inline constexpr std::size_t kResponseClasses = 6;

/// Everything that has been counted of a node, read at one time.
struct NodeTotals {
  // Of its users, see NodeCounters.
  std::uint64_t begun = 0;
  std::uint64_t moved = 0;
  std::uint64_t rescued = 0;
  std::uint64_t late = 0;
  std::uint64_t logged_out = 0;
  // Of the exchanges that went to it, also those with a pass.
  std::array<std::uint64_t, kResponseClasses> responses{};  ///< exchanges that ended, by class
  std::uint64_t failures = 0;          ///< attempts that failed by the node's doing
  std::uint64_t retries = 0;           ///< requests that were sent to it and then once more
  std::uint64_t connects = 0;          ///< connections begun
  std::uint64_t connect_failures = 0;  ///< of these; not for want of our own resources
  std::uint64_t reuses = 0;            ///< exchanges that got a connection that was idle
  std::uint64_t bytes_in = 0;          ///< of request bodies
  std::uint64_t bytes_out = 0;         ///< of response bodies
  DurationTotals duration;  ///< from the head of the request to the last byte; without tunnels
  DurationTotals connect;   ///< of the connects that succeeded, with TLS
  DurationTotals queue;     ///< in the queue for a connection

  [[nodiscard]] std::uint64_t exchanges() const {
    return std::accumulate(responses.begin(), responses.end(), std::uint64_t{0});
  }
  void add(const NodeTotals& other);
  /// What was counted after `before`; a count that is smaller than then is 0.
  [[nodiscard]] NodeTotals since(const NodeTotals& before) const;
};

/// The single counts of NodeTotals and the names by which processes pass them on.
inline constexpr std::array<std::pair<std::string_view, std::uint64_t NodeTotals::*>, 12>
    kNodeCounts{{{"begun", &NodeTotals::begun},
                 {"moved", &NodeTotals::moved},
                 {"rescued", &NodeTotals::rescued},
                 {"late", &NodeTotals::late},
                 {"logged_out", &NodeTotals::logged_out},
                 {"failures", &NodeTotals::failures},
                 {"retries", &NodeTotals::retries},
                 {"connects", &NodeTotals::connects},
                 {"connect_failures", &NodeTotals::connect_failures},
                 {"reuses", &NodeTotals::reuses},
                 {"bytes_in", &NodeTotals::bytes_in},
                 {"bytes_out", &NodeTotals::bytes_out}}};
inline constexpr std::array<std::pair<std::string_view, DurationTotals NodeTotals::*>, 3>
    kNodeDurations{{{"duration", &NodeTotals::duration},
                    {"connect", &NodeTotals::connect},
                    {"queue", &NodeTotals::queue}}};

/// What one worker counts of one node. Only the worker writes, any thread may read. In cache lines
/// of its own, so that workers do not slow each other down.
struct alignas(64) NodeMeter {
  std::array<Counter, kResponseClasses> responses;
  Counter failures;
  Counter retries;
  Counter connects;
  Counter connect_failures;
  Counter reuses;
  Counter bytes_in;
  Counter bytes_out;
  DurationHistogram duration;
  DurationHistogram connect;
  DurationHistogram queue;

  /// `status`: of the node's response, 100 to 599, as http::validate_response accepts no other;
  /// 0: there was none.
  void note_end(int status) {
    const auto hundreds = static_cast<std::size_t>(status) / 100;
    responses[hundreds < kResponseClasses ? hundreds : 0].add();
  }
  void add_to(NodeTotals& totals) const;
};
// ARCHITECTURE.md, "Memory and its bounds", has this figure.
static_assert(sizeof(NodeMeter) == 448);

/// The meters of one node. Thread-safe.
class NodeMeters {
 public:
  /// The one that this worker, an index, writes; valid as long as this object. Takes a lock: call
  /// it when a worker begins to use the node, not for each exchange.
  [[nodiscard]] NodeMeter& of_worker(std::size_t worker);
  /// Replaces what was counted in the process before this one.
  void set_inherited(const NodeTotals& totals);

  /// All of it together. Does not hold up the workers.
  [[nodiscard]] NodeTotals read() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<NodeMeter>> meters_;  // by worker; null: it has not used the node
  NodeTotals inherited_;
};

}  // namespace bonedry::balancer
