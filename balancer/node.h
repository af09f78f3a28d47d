#pragma once

#include "balancer/failure_notes.h"
#include "balancer/node_id.h"
#include "balancer/node_meter.h"
#include "balancer/pass_use.h"
#include "proxy/base/clock.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace bonedry::balancer {

/// The state that the operator wants a node in.
enum class NodeState : std::uint8_t { active, bleeding, maintenance };

/// The measured health of a node. `unknown`: no check is configured, or no result yet.
enum class Health : std::uint8_t { unknown, up, down };

[[nodiscard]] const char* to_string(NodeState state);
[[nodiscard]] const char* to_string(Health health);

/// How many sessions the ledger holds for a node. The ledger writes, any thread may read.
///
/// Both counts are in one word, so that a session that turns from pending to live is always seen:
/// if they were read one after the other, both could be zero, and a node would be called dry too
/// early.
class SessionCounts {
 public:
  struct Values {
    std::int64_t live = 0;
    std::int64_t pending = 0;

    [[nodiscard]] std::int64_t all() const { return live + pending; }
  };

  [[nodiscard]] Values read() const { return figures(word_.load(std::memory_order_acquire)); }

  // For the ledger only, which never takes more than it added: no count goes below zero.
  void add_live() { word_.fetch_add(kLive, std::memory_order_acq_rel); }
  void add_pending() { word_.fetch_add(kPending, std::memory_order_acq_rel); }
  void take_live() { word_.fetch_sub(kLive, std::memory_order_acq_rel); }
  void take_pending() { word_.fetch_sub(kPending, std::memory_order_acq_rel); }
  void pending_to_live() { word_.fetch_add(kLive - kPending, std::memory_order_acq_rel); }
  /// Sets the counts to the result of a recount of all records, during which none may change.
  void put(Values counted) {
    word_.store(kLive * static_cast<std::uint64_t>(counted.live) +
                    static_cast<std::uint64_t>(counted.pending),
                std::memory_order_release);
  }
  Values take_all() { return figures(word_.exchange(0, std::memory_order_acq_rel)); }

 private:
  static constexpr std::uint64_t kPending = 1;
  static constexpr std::uint64_t kLive = std::uint64_t{1} << 32U;

  static Values figures(std::uint64_t word) {
    return {static_cast<std::int64_t>(word >> 32U), static_cast<std::int64_t>(word & 0xFFFFFFFFU)};
  }

  std::atomic<std::uint64_t> word_{0};
};

/// What happened to sessions of a node, since the process started.
struct NodeCounters {
  std::atomic<std::uint64_t> begun{0};    ///< sessions begun here ("new" in the interfaces)
  std::atomic<std::uint64_t> moved{0};    ///< to another node, by a deadline or forced maintenance
  std::atomic<std::uint64_t> rescued{0};  ///< to another node, because this one was down
  std::atomic<std::uint64_t> late{0};     ///< returned after expiry, or after the node was dry
  std::atomic<std::uint64_t> logged_out{0};  ///< logouts of its users
};

/// The open traffic of one process on a node. Shared with the other process while one generation of
/// the program hands over to the next. Only its own process writes, both read.
struct NodeTraffic {
  std::atomic<std::int64_t> exchanges_open{0};
  std::atomic<std::int64_t> tunnels_open{0};
  std::atomic<std::int64_t> connections_in_use{0};
  std::atomic<std::int64_t> pass_exchanges_open{0};  ///< not among `exchanges_open`
};

/// The run-time state of one node, which outlives a topology. Consecutive topologies share the
/// object, so that a reload loses no count. Thread-safe: every member is atomic or constant.
class Node {
 public:
  /// `sessions` must outlive the node; it belongs to the ledger.
  Node(std::string pool, std::string name, const SessionCounts& sessions);
  /// As above, with traffic counts shared by two processes; `other`: those of the other process.
  Node(std::string pool, std::string name, const SessionCounts& sessions, NodeTraffic& own,
       const NodeTraffic& other);

  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const NodeId& id() const { return id_; }
  [[nodiscard]] const std::string& pool() const { return id_.pool; }
  [[nodiscard]] const std::string& name() const { return id_.name; }
  /// The text of `id`: "shop/alice".
  [[nodiscard]] const std::string& key() const { return key_; }

  [[nodiscard]] Health health() const { return health_.load(std::memory_order_relaxed); }
  void set_health(Health health) { health_.store(health, std::memory_order_relaxed); }

  /// Down by active checks, or passively: marked after connect failures in a row, and the mark has
  /// not expired.
  [[nodiscard]] bool down(Instant now) const {
    return health() == Health::down || passively_down(now);
  }
  [[nodiscard]] bool passively_down(Instant now) const;

  /// Notes a failed connect; the `threshold`-th in a row marks the node as passively down for
  /// `hold`. Threshold 0 never marks. Returns true when this failure made the mark.
  bool note_connect_failure(unsigned threshold, Millis hold, Instant now);
  /// A connect or an active check succeeded: resets the failure count and removes the mark.
  void note_connect_success();

  /// Live and pending sessions, plus the sessions that open exchanges have reserved.
  [[nodiscard]] std::int64_t session_load() const;
  [[nodiscard]] const SessionCounts& sessions() const { return sessions_; }

  /// Reserves capacity for a session that the first response will begin. False when the node
  /// already has `max_sessions` (0: no limit). Every success needs exactly one
  /// `cancel_reservation`.
  [[nodiscard]] bool reserve_session(std::uint64_t max_sessions);
  void cancel_reservation() { reserved_.fetch_sub(1, std::memory_order_relaxed); }

  /// Exchanges routed here that are not over, of both processes. Ordered with the ledger: a session
  /// is begun before its exchange closes, so a reader that sees 0 here and reads the session counts
  /// afterwards misses no session.
  [[nodiscard]] std::int64_t exchanges_open() const {
    return own_.exchanges_open.load(std::memory_order_acquire) +
           other_.exchanges_open.load(std::memory_order_acquire);
  }
  void open_exchange() { own_.exchanges_open.fetch_add(1, std::memory_order_acq_rel); }
  void close_exchange(Instant now);
  /// Open exchanges with a pass, of both processes. They are not users, and no `exchanges_open`.
  [[nodiscard]] std::int64_t pass_exchanges_open() const {
    return own_.pass_exchanges_open.load(std::memory_order_acquire) +
           other_.pass_exchanges_open.load(std::memory_order_acquire);
  }
  void open_pass_exchange() { own_.pass_exchanges_open.fetch_add(1, std::memory_order_acq_rel); }
  void close_pass_exchange() { own_.pass_exchanges_open.fetch_sub(1, std::memory_order_acq_rel); }
  /// The requests to this process that came with a pass for the node.
  PassUse pass_use;
  /// The open exchanges that are tunnels, without those with a pass.
  [[nodiscard]] std::int64_t tunnels_open() const {
    return own_.tunnels_open.load(std::memory_order_relaxed) +
           other_.tunnels_open.load(std::memory_order_relaxed);
  }
  void open_tunnel() { own_.tunnels_open.fetch_add(1, std::memory_order_relaxed); }
  void close_tunnel() { own_.tunnels_open.fetch_sub(1, std::memory_order_relaxed); }
  /// When the last exchange ended; `ms` is 0 when there was none yet.
  [[nodiscard]] Instant last_exchange() const {
    return {last_exchange_ms_.load(std::memory_order_relaxed)};
  }

  /// Counts one more connection in use. False when both processes together already have `max` (0:
  /// no limit), or when both ask for the last one at the same moment: a refused attempt counts
  /// until it is undone. Every success needs exactly one `release_connection`.
  [[nodiscard]] bool acquire_connection(std::uint64_t max);
  void release_connection() { own_.connections_in_use.fetch_sub(1); }
  [[nodiscard]] bool connections_full(std::uint64_t max) const;
  /// Counts one more exchange that waits for a connection; false when `max` already wait (0: none
  /// may wait). Every success needs exactly one `end_waiting`.
  [[nodiscard]] bool begin_waiting(std::uint64_t max);
  void end_waiting() { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t exchanges_waiting() const {
    return waiting_.load(std::memory_order_relaxed);
  }

  NodeCounters counters;
  NodeMeters meters;
  /// Everything that has been counted of the node, also in the process before this one.
  [[nodiscard]] NodeTotals totals() const;
  FailureNotes failures;

 private:
  // Many: the facts of a node are independent of each other, each constant or an atomic.
  const NodeId id_;
  const std::string key_;
  const SessionCounts& sessions_;
  NodeTraffic own_storage_;  // used when no other process shares the node
  const NodeTraffic no_traffic_;
  NodeTraffic& own_;
  const NodeTraffic& other_;
  std::atomic<Health> health_{Health::unknown};
  std::atomic<unsigned> connect_failures_{0};
  std::atomic<std::int64_t> passively_down_until_ms_{0};
  std::atomic<std::int64_t> reserved_{0};
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<std::int64_t> last_exchange_ms_{0};
};

}  // namespace bonedry::balancer
