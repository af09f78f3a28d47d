#pragma once

#include "session/ledger.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace bonedry::session {

/// A ledger in the memory of this process: it does not survive a restart.
///
/// Sharded by session key; a shard is a lock, a hash table of fixed-size records and a wheel of
/// expiry times. A touch only stamps the record: the wheel looks again when the old time has come,
/// so an operation costs the same at any size.
class MemoryLedger final : public Ledger {
 public:
  /// `capacity`: the most sessions kept; only those that exchanges hold open go beyond it.
  MemoryLedger(std::size_t capacity, Instant now);
  ~MemoryLedger() override;

  NodeSlot slot_of(std::string_view node_key) override;
  void set_times(NodeSlot slot, SessionTimes times) override;
  [[nodiscard]] const balancer::SessionCounts& counts(NodeSlot slot) const override;
  Lookup open(const SessionKey& key, CookieCheck check, Instant now) override;
  std::optional<OpenedSession> open_verified(const SessionKey& key, Instant now) override;
  OpenedSession begin(const SessionKey& key, CookieCheck check, NodeSlot node, SessionState state,
                      Instant created, Instant now) override;
  MovedSession move(SessionRef ref, NodeSlot from, NodeSlot to) override;
  void reseal(SessionRef ref, CookieCheck check) override;
  void close(SessionRef ref, Instant now) override;
  std::uint64_t displace(NodeSlot slot) override;
  bool sweep(Instant now) override;
  void open_tunnel(SessionRef ref) override;
  void close_tunnel(SessionRef ref) override;
  [[nodiscard]] std::size_t parts() const override;
  void visit(std::size_t part,
             const std::function<void(NodeSlot, const SessionInfo&)>& show) const override;
  [[nodiscard]] StayHistogram stays(NodeSlot slot) const override;
  [[nodiscard]] std::optional<Instant> last_eviction(NodeSlot slot) const override;
  [[nodiscard]] Totals totals() const override;

 private:
  struct Slot;
  struct Record;
  class Shard;

  Shard& shard_of(const SessionKey& key) const;
  [[nodiscard]] std::vector<std::unique_lock<std::mutex>> lock_all() const;

  std::size_t capacity_;
  std::size_t stripes_;  // parts of a shard
  std::unique_ptr<Slot[]> slots_;
  std::mutex slots_mutex_;  // guards slot_names_
  std::map<std::string, NodeSlot, std::less<>> slot_names_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace bonedry::session
