#pragma once

#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <atomic>
#include <cstdint>
#include <string>

namespace bonedry::balancer {

/// What the operator wants of a node.
enum class NodeState : std::uint8_t { active, bleeding, maintenance };

/// What was measured of a node. `unknown`: nothing is configured to measure it, or no result yet.
enum class Health : std::uint8_t { unknown, up, down };

[[nodiscard]] const char* to_string(NodeState state);
[[nodiscard]] const char* to_string(Health health);

/// How many sessions the ledger holds for a node. The ledger writes, everybody may read.
///
/// Both figures are in one word, so that a session which turns from pending to live is never seen
/// as neither: read one after the other, two zeros could hide a user, and a node be called dry.
class SessionCounts {
 public:
  struct Figures {
    std::int64_t live = 0;
    std::int64_t pending = 0;

    [[nodiscard]] std::int64_t all() const { return live + pending; }
  };

  [[nodiscard]] Figures read() const { return figures(word_.load(std::memory_order_acquire)); }

  // For the ledger, which knows what it adds and takes: no figure ever goes below zero.
  void add_live() { word_.fetch_add(kLive, std::memory_order_acq_rel); }
  void add_pending() { word_.fetch_add(kPending, std::memory_order_acq_rel); }
  void take_live() { word_.fetch_sub(kLive, std::memory_order_acq_rel); }
  void take_pending() { word_.fetch_sub(kPending, std::memory_order_acq_rel); }
  void pending_to_live() { word_.fetch_add(kLive - kPending, std::memory_order_acq_rel); }
  /// What a count of all records came to, while none can change.
  void put(Figures counted) {
    word_.store(kLive * static_cast<std::uint64_t>(counted.live) +
                    static_cast<std::uint64_t>(counted.pending),
                std::memory_order_release);
  }
  Figures take_all() { return figures(word_.exchange(0, std::memory_order_acq_rel)); }

 private:
  static constexpr std::uint64_t kPending = 1;
  static constexpr std::uint64_t kLive = std::uint64_t{1} << 32U;

  static Figures figures(std::uint64_t word) {
    return {static_cast<std::int64_t>(word >> 32U), static_cast<std::int64_t>(word & 0xFFFFFFFFU)};
  }

  std::atomic<std::uint64_t> word_{0};
};

/// What happened to sessions of a node, since the process started.
struct NodeCounters {
  std::atomic<std::uint64_t> begun{0};    ///< sessions begun here ("new" in the interfaces)
  std::atomic<std::uint64_t> moved{0};    ///< taken elsewhere by a deadline or forced maintenance
  std::atomic<std::uint64_t> rescued{0};  ///< taken elsewhere because this node was down
  std::atomic<std::uint64_t> late{0};     ///< came back after expiry, or after the node was dry
  std::atomic<std::uint64_t> logged_out{0};  ///< logouts seen of its users
};

/// What one process has under way on a node. Lies where another one sees it too, while one
/// generation of the program hands over to the next. Its own process writes, both read.
struct NodeTraffic {
  std::atomic<std::int64_t> exchanges_open{0};
  std::atomic<std::int64_t> websockets_open{0};
  std::atomic<std::int64_t> connections_in_use{0};
};

/// The live facts of one node: what outlives a topology. Consecutive topologies share the object,
/// so that a reload loses no count. Thread-safe: every member is atomic or constant.
class Node {
 public:
  /// `sessions` must outlive the node; it belongs to the ledger.
  Node(std::string pool, std::string name, const SessionCounts& sessions);
  /// The same with traffic that two processes see; `other`: what the other one has under way.
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

  /// Down by an active check, or passively_down by connect failures in a row until a moment not yet
  /// past.
  [[nodiscard]] bool down(Instant now) const {
    return health() == Health::down || passively_down(now);
  }
  [[nodiscard]] bool passively_down(Instant now) const;

  /// Notes a failed connect; the `threshold`-th in a row marks the node for `hold`. Threshold 0
  /// never marks. Returns true when this failure made the mark.
  bool note_connect_failure(unsigned threshold, Millis hold, Instant now);
  /// A connect or an active check went well: the row is broken, the mark is gone.
  void note_connect_success();

  /// Live and pending sessions, and exchanges under way that will begin one.
  [[nodiscard]] std::int64_t session_load() const;
  [[nodiscard]] const SessionCounts& sessions() const { return sessions_; }

  /// Books a place for a session that its first response will begin. False when the node already
  /// has `max_sessions` (0: no limit). Every success must be met by one `cancel_reservation`.
  [[nodiscard]] bool reserve_session(std::uint64_t max_sessions);
  void cancel_reservation() { reserved_.fetch_sub(1, std::memory_order_relaxed); }

  /// Exchanges that were routed here and are not over, in both processes. Opening and closing order
  /// with the ledger: a session is begun before its exchange closes, so a reader that sees 0 here
  /// and reads the session counts afterwards misses nobody.
  [[nodiscard]] std::int64_t exchanges_open() const {
    return own_.exchanges_open.load(std::memory_order_acquire) +
           other_.exchanges_open.load(std::memory_order_acquire);
  }
  void open_exchange() { own_.exchanges_open.fetch_add(1, std::memory_order_acq_rel); }
  void close_exchange(Instant now);
  /// Those of the exchanges that are tunnels.
  [[nodiscard]] std::int64_t websockets_open() const {
    return own_.websockets_open.load(std::memory_order_relaxed) +
           other_.websockets_open.load(std::memory_order_relaxed);
  }
  void open_websocket() { own_.websockets_open.fetch_add(1, std::memory_order_relaxed); }
  void close_websocket() { own_.websockets_open.fetch_sub(1, std::memory_order_relaxed); }
  /// When the last exchange ended; `ms` is 0 when there was none yet.
  [[nodiscard]] Instant last_exchange() const {
    return {last_exchange_ms_.load(std::memory_order_relaxed)};
  }

  /// Takes one of the connections that the node may have in use at a time, of both processes. False
  /// when `most` (0: no limit) are, or when both processes ask for the last one in the same moment:
  /// a refused attempt counts until it is taken back. Every success must be met by one
  /// `release_connection`.
  [[nodiscard]] bool acquire_connection(std::uint64_t most);
  void release_connection() { own_.connections_in_use.fetch_sub(1); }
  [[nodiscard]] bool connections_full(std::uint64_t most) const;
  /// Takes a place among those who wait for one; as above, but 0 is none.
  [[nodiscard]] bool begin_waiting(std::uint64_t most);
  void end_waiting() { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t exchanges_waiting() const {
    return waiting_.load(std::memory_order_relaxed);
  }

  NodeCounters counters;

 private:
  const NodeId id_;
  const std::string key_;
  const SessionCounts& sessions_;
  NodeTraffic own_storage_;  // of a node that one process has to itself
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
