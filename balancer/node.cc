#include "balancer/node.h"

#include <utility>

namespace bonedry::balancer {

const char* to_string(NodeState state) {
  switch (state) {
    case NodeState::active:
      return "active";
    case NodeState::bleeding:
      return "bleeding";
    case NodeState::maintenance:
      return "maintenance";
  }
  return "?";
}

const char* to_string(Health health) {
  switch (health) {
    case Health::unknown:
      return "unknown";
    case Health::up:
      return "up";
    case Health::down:
      return "down";
  }
  return "?";
}

Node::Node(std::string pool, std::string name, const SessionCounts& sessions)
    : id_{std::move(pool), std::move(name)},
      key_(id_.text()),
      sessions_(sessions),
      own_(own_storage_),
      other_(no_traffic_) {}

Node::Node(std::string pool, std::string name, const SessionCounts& sessions, NodeTraffic& own,
           const NodeTraffic& other)
    : id_{std::move(pool), std::move(name)},
      key_(id_.text()),
      sessions_(sessions),
      own_(own),
      other_(other) {}

bool Node::passively_down(Instant now) const {
  return passively_down_until_ms_.load(std::memory_order_relaxed) > now.ms;
}

bool Node::note_connect_failure(unsigned threshold, Millis hold, Instant now) {
  const unsigned in_a_row = connect_failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (threshold == 0 || in_a_row < threshold) return false;
  const bool was_marked = passively_down(now);
  passively_down_until_ms_.store((now + hold).ms, std::memory_order_relaxed);
  return !was_marked;
}

void Node::note_connect_success() {
  // Load first: this runs for every new connection, and stores would make threads share a cache
  // line.
  if (connect_failures_.load(std::memory_order_relaxed) == 0) return;
  connect_failures_.store(0, std::memory_order_relaxed);
  passively_down_until_ms_.store(0, std::memory_order_relaxed);
}

std::int64_t Node::session_load() const {
  return sessions_.read().all() + reserved_.load(std::memory_order_relaxed);
}

NodeTotals Node::totals() const {
  NodeTotals totals = meters.read();
  totals.begun += counters.begun.load();
  totals.moved += counters.moved.load();
  totals.rescued += counters.rescued.load();
  totals.late += counters.late.load();
  totals.logged_out += counters.logged_out.load();
  return totals;
}

bool Node::reserve_session(std::uint64_t max_sessions) {
  reserved_.fetch_add(1, std::memory_order_relaxed);
  if (max_sessions == 0 || session_load() <= static_cast<std::int64_t>(max_sessions)) return true;
  cancel_reservation();
  return false;
}

bool Node::connections_full(std::uint64_t max) const {
  const std::int64_t in_use = own_.connections_in_use.load() + other_.connections_in_use.load();
  return max != 0 && in_use >= static_cast<std::int64_t>(max);
}

bool Node::acquire_connection(std::uint64_t max) {
  // Count first, then read the other process's count: of two simultaneous attempts at least one
  // sees the other.
  const std::int64_t before = own_.connections_in_use.fetch_add(1);
  const std::int64_t others = other_.connections_in_use.load();
  if (max == 0 || before + others < static_cast<std::int64_t>(max)) return true;
  release_connection();
  return false;
}

bool Node::begin_waiting(std::uint64_t max) {
  if (waiting_.fetch_add(1, std::memory_order_relaxed) < max) return true;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Node::close_exchange(Instant now) {
  last_exchange_ms_.store(now.ms, std::memory_order_relaxed);
  own_.exchanges_open.fetch_sub(1, std::memory_order_acq_rel);
}

}  // namespace bonedry::balancer
