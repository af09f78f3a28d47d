#include "balancer/picker.h"

#include <algorithm>

namespace bonedry::balancer {

double slow_start_share(const NodeView& view, Millis slow_start, Instant now) {
  if (!view.slow_start_since || slow_start <= Millis{0}) return 1.0;
  const Millis since = now - *view.slow_start_since;
  if (since >= slow_start) return 1.0;
  const double share = static_cast<double>(since.count()) / static_cast<double>(slow_start.count());
  return std::max(share, kSlowStartFloor);
}

Picker::Picker(conf::Balance balance, conf::Sticky sticky, std::uint64_t seed)
    : for_sessions_(make_policy(balance, sticky, seed)),
      for_exchanges_(make_policy(balance, conf::Sticky::none, seed)),
      random_(seed ^ 0xB0DE) {}

std::optional<std::size_t> Picker::pick(const PoolView& pool, Purpose purpose,
                                        std::span<const std::size_t> tried, Instant now) {
  for (const Wanted wanted : {Wanted::checked_and_free, Wanted::checked,
                              Wanted::not_marked_and_free, Wanted::not_marked, Wanted::any}) {
    collect(pool, purpose, wanted, tried, now);
    if (!candidates_.empty()) break;
  }
  leave_out_slow_starters(pool, now);
  return choose(pool, purpose);
}

std::optional<std::size_t> Picker::pick_by_key(const PoolView& pool, const PlacementKey& key,
                                               std::span<const std::size_t> tried, Instant now) {
  for (const Wanted wanted : {Wanted::checked, Wanted::not_marked, Wanted::any}) {
    collect(pool, Purpose::new_session, wanted, tried, now);
    if (!candidates_.empty()) break;
  }
  while (!candidates_.empty()) {
    const std::size_t at = choose_by_key(key, pool, candidates_);
    const std::size_t index = candidates_[at].index;
    const NodeView& view = pool.nodes[index];
    if (view.node->reserve_session(view.max_sessions)) return index;
    candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return std::nullopt;
}

void Picker::collect(const PoolView& pool, Purpose purpose, Wanted wanted,
                     std::span<const std::size_t> tried, Instant now) {
  const bool free = wanted == Wanted::checked_and_free || wanted == Wanted::not_marked_and_free;
  const bool checked = wanted == Wanted::checked_and_free || wanted == Wanted::checked;
  candidates_.clear();
  for (std::size_t index = 0; index < pool.nodes.size(); ++index) {
    const NodeView& view = pool.nodes[index];
    const Node& node = *view.node;
    if (view.door != Door::open || view.weight == 0 || node.health() == Health::down) continue;
    if (wanted != Wanted::any && node.passively_down(now)) continue;
    if (checked && awaits_first_check(pool, node)) continue;
    if (free && node.connections_full(view.max_connections)) continue;
    if (std::ranges::find(tried, index) != tried.end()) continue;
    if (purpose == Purpose::new_session && view.is_full()) continue;
    candidates_.push_back({index, view.weight, node.session_load(), node.exchanges_open()});
  }
}

void Picker::leave_out_slow_starters(const PoolView& pool, Instant now) {
  const auto left_out = std::stable_partition(
      candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
        return passes_slow_start(pool, pool.nodes[candidate.index], now);
      });
  // If no candidate passes, all of them take part as usual.
  if (left_out != candidates_.begin()) candidates_.erase(left_out, candidates_.end());
}

bool Picker::passes_slow_start(const PoolView& pool, const NodeView& view, Instant now) {
  // At random instead of by weight, so that the share is bounded under every policy: a least-loaded
  // policy would send an empty node all sessions even at a small weight.
  const double share = slow_start_share(view, pool.config.slow_start, now);
  return share >= 1.0 || random_.unit() < share;
}

std::optional<std::size_t> Picker::choose(const PoolView& pool, Purpose purpose) {
  Policy& policy = purpose == Purpose::new_session ? *for_sessions_ : *for_exchanges_;
  while (!candidates_.empty()) {
    const std::size_t at = policy.choose(candidates_);
    const std::size_t index = candidates_[at].index;
    const NodeView& view = pool.nodes[index];
    if (purpose == Purpose::exchange || view.node->reserve_session(view.max_sessions)) return index;
    candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return std::nullopt;
}

}  // namespace bonedry::balancer
