// What a config means for the nodes: planned in full, and given its room, before anything changes.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>
#include <array>

namespace bonedry::admin {

using balancer::NodeView;
using balancer::PoolView;

namespace {

// The reasons that a config gives for a bleed, and what they become when it no longer does.
constexpr const char* kWeightless = "weight is 0";
constexpr const char* kWasWeightless = "weight was 0";
constexpr const char* kRemoved = "removed from the config";
constexpr const char* kWasRemoved = "was removed from the config";

/// A reason that an operator gave stays as it is.
bool is_of_config(const std::string& reason) {
  constexpr std::array kAll{kWeightless, kWasWeightless, kRemoved, kWasRemoved};
  return std::ranges::find(kAll, reason) != kAll.end();
}

std::string reason_now(const conf::Node& node, const std::string& reason) {
  if (!is_of_config(reason)) return reason;
  if (node.weight == 0) return kWeightless;
  if (reason == kWeightless) return kWasWeightless;
  return reason == kRemoved ? kWasRemoved : reason;
}

const conf::Pool* find_pool(const conf::Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.pools, name, &conf::Pool::name);
  return found == config.pools.end() ? nullptr : &*found;
}

std::string_view pool_in(std::string_view key) {
  return key.substr(0, key.find('/'));
}

std::string_view name_in(std::string_view key) {
  return key.substr(key.find('/') + 1);
}

/// Looks nodes up in a config that may have thousands.
class Membership {
 public:
  explicit Membership(const conf::Config& config) : config_(config) {
    for (const conf::Pool& pool : config.pools) {
      for (const conf::Node& node : pool.nodes) keys_.insert(key_of(pool.name, node.name));
    }
  }
  /// The node's pool, if the config has the pool but not the node.
  [[nodiscard]] const conf::Pool* pool_without(const std::string& key) const {
    return keys_.contains(key) ? nullptr : find_pool(config_, pool_in(key));
  }

 private:
  const conf::Config& config_;
  std::set<std::string> keys_;
};

}  // namespace

std::optional<std::string> ControlPlane::needs_restart(const conf::Config& next) const {
  std::vector<std::string> keys;
  conf::Server server = next.server;
  server.trusted_proxies = config_.server.trusted_proxies;  // these go with the topology
  if (server != config_.server) keys.emplace_back("[server]");
  if (next.admin != config_.admin) keys.emplace_back("[admin]");
  if (next.log != config_.log) keys.emplace_back("[log]");
  if (next.ledger != config_.ledger) keys.emplace_back("[ledger]");
  if (next.listeners != config_.listeners) keys.emplace_back("[[listener]]");
  if (keys.empty()) return std::nullopt;
  return "a change of " + joined(keys) + " takes a restart; nothing was changed";
}

std::optional<std::string> ControlPlane::renames_cookie(const conf::Config& next) const {
  for (const conf::Pool& pool : next.pools) {
    const conf::Pool* const before = find_pool(config_, pool.name);
    if (before == nullptr || pool.session.cookie_named != conf::Named::by_default) continue;
    if (pool.session.sticky != conf::Sticky::insert ||
        before->session.sticky != pool.session.sticky ||
        before->session.cookie == pool.session.cookie) {
      continue;
    }
    return "pool " + pool.name + ": its place in the file would make its session cookie \"" +
           pool.session.cookie +
           "\", and all its users new ones; write [pool.session] cookie = \"" +
           before->session.cookie + "\"; nothing was changed";
  }
  return std::nullopt;
}

ControlPlane::Plan ControlPlane::plan_for(const conf::Config& next) const {
  Plan plan;
  plan.records = records_;
  plan_configured(next, plan);
  plan_removed(next, plan);
  return plan;
}

/// A config never ends a bleed: it begins some, and keeps what is said of the others true.
void ControlPlane::plan_configured(const conf::Config& next, Plan& plan) const {
  for (const conf::Pool& pool : next.pools) {
    for (const conf::Node& node : pool.nodes) {
      const std::string key = key_of(pool.name, node.name);
      if (const auto kept = plan.records.find(key); kept != plan.records.end()) {
        kept->second.removed_from.reset();
        kept->second.reason = reason_now(node, kept->second.reason);
      } else if (node.weight == 0) {
        NodeRecord bleeding;
        begin_now(bleeding);
        bleeding.by = "config";
        bleeding.reason = kWeightless;
        plan.records.emplace(key, bleeding);
        plan.bled.push_back(key);
      }
    }
  }
}

/// Nodes that the config leaves out although somebody may be on them bleed until they are dry:
/// those in force here, and those of a time before, when this process was not there or the pool was
/// not in the config.
void ControlPlane::plan_removed(const conf::Config& next, Plan& plan) const {
  const Membership members(next);
  std::set<std::string> in_force;
  for (std::size_t at = 0; topology_ && at < topology_->pools.size(); ++at) {
    for (const NodeView& view : topology_->pools[at].nodes) {
      in_force.insert(view.node->key());
      const conf::Pool* const pool = members.pool_without(view.node->key());
      if (pool == nullptr) continue;
      retain(*pool,
             {view.node->name(), view.address, 0, view.max_sessions, view.max_connections,
              view.max_waiting},
             plan);
    }
  }
  plan_absent(next, in_force, plan);
}

void ControlPlane::plan_absent(const conf::Config& next, std::set<std::string> seen,
                               Plan& plan) const {
  const Membership members(next);
  for (const session::KnownNode& known : parts_.ledger.nodes()) {
    const std::optional<conf::Address> address = conf::parse_address(known.address);
    const conf::Pool* const pool = members.pool_without(known.key);
    if (pool == nullptr || !address || seen.contains(known.key)) continue;
    if (!may_be_inhabited(*pool, known.key, &known)) continue;
    seen.insert(known.key);
    retain(*pool, {std::string(name_in(known.key)), *address, 0, 0}, plan);
  }
  for (const auto& [key, kept] : records_) {
    const conf::Pool* const pool = members.pool_without(key);
    if (pool == nullptr || !kept.removed_from || seen.contains(key)) continue;
    if (may_be_inhabited(*pool, key, nullptr)) {
      retain(*pool, {std::string(name_in(key)), *kept.removed_from, 0, 0}, plan);
    } else {
      plan.records.erase(key);
    }
  }
}

/// Notes that a node that is no longer in the config bleeds.
void ControlPlane::retain(const conf::Pool& pool, const conf::Node& node, Plan& plan) const {
  const std::string key = key_of(pool.name, node.name);
  const auto [kept, is_new] = plan.records.try_emplace(key);
  kept->second.removed_from = node.address;
  plan.removed.push_back({pool.name, node});
  if (is_new) {
    begin_now(kept->second);
    kept->second.by = "config";
    plan.bled.push_back(key);
  }
  if (is_new || is_of_config(kept->second.reason)) kept->second.reason = kRemoved;
}

/// Whether anybody is on a node that no worker of this process routes to, or may come back to it.
/// `known`: what the ledger has of it; nothing, if it is not to be asked.
bool ControlPlane::may_be_inhabited(const conf::Pool& pool, const std::string& key,
                                    const session::KnownNode* known) const {
  const NodeRecord* const kept = record(key);
  if (kept != nullptr && kept->dry == Dry::yes) return false;
  // Another process has those in force of which the ledger knows where they are.
  if (known != nullptr && parts_.company == Parts::Company::predecessor && !topology_) return true;
  Instant until = complete_at(pool);
  if (known != nullptr) {
    if (parts_.ledger.counts(known->slot).read().all() > 0) return true;
    if (const auto evicted = parts_.ledger.last_eviction(known->slot)) {
      until = std::max(until, *evicted + session::complete_after(pool.session));
    }
  }
  return until > parts_.ledger.judged(parts_.clock.now());
}

Outcome ControlPlane::claim_slots(const conf::Config& config,
                                  const std::vector<RemovedNode>& removed) {
  for (const conf::Pool& pool : config.pools) {
    for (const conf::Node& node : pool.nodes) {
      const Outcome claimed = claim_slot(pool, node);
      if (!claimed) return claimed;
    }
  }
  for (const RemovedNode& gone : removed) {
    const conf::Pool* const pool = find_pool(config, gone.pool);
    const Outcome claimed = pool == nullptr ? Outcome{Done{}} : claim_slot(*pool, gone.node);
    if (!claimed) return claimed;
  }
  return Done{};
}

Outcome ControlPlane::claim_slot(const conf::Pool& pool, const conf::Node& node) {
  const std::string key = key_of(pool.name, node.name);
  const Result<session::NodeSlot> slot = parts_.ledger.claim_slot(key);
  if (!slot) return Failure{slot.error()};
  const auto [known, is_new] = slots_.try_emplace(key, *slot);
  if (!is_new && known->second == *slot) return Done{};
  known->second = *slot;  // another process had given the old one away, when nobody was on it
  nodes_[key] = std::make_shared<balancer::Node>(pool.name, node.name, parts_.ledger.counts(*slot),
                                                 parts_.ledger.traffic(*slot),
                                                 parts_.ledger.traffic_of_sibling(*slot));
  tell_times(pool, node);  // before any worker can begin a session there
  return Done{};
}

void ControlPlane::apply_config() {
  for (const auto& [key, node] : nodes_) {  // nobody measures them any more
    if (find_pool(config_, pool_in(key)) == nullptr) node->set_health(balancer::Health::unknown);
  }
  for (const conf::Pool& pool : config_.pools) {
    for (const conf::Node& node : pool.nodes) {
      tell_ledger(pool, node);
      if (!pool.health.active) {
        nodes_.at(key_of(pool.name, node.name))->set_health(balancer::Health::unknown);
      }
    }
  }
  for (const RemovedNode& removed : removed_) {
    const conf::Pool* const pool = find_pool(config_, removed.pool);
    if (pool != nullptr) tell_ledger(*pool, removed.node);
  }
}

/// Where a node is, the ledger hears only when the config is in force: one that was refused must
/// not come back at the next start, as a node that the config has lost.
void ControlPlane::tell_ledger(const conf::Pool& pool, const conf::Node& node) {
  if (has_handed_over()) return;  // the successor has told it, perhaps better
  tell_times(pool, node);
  parts_.ledger.set_address(slots_.at(key_of(pool.name, node.name)), conf::to_string(node.address));
}

void ControlPlane::tell_times(const conf::Pool& pool, const conf::Node& node) {
  if (has_handed_over()) return;
  parts_.ledger.set_times(
      slots_.at(key_of(pool.name, node.name)),
      {pool.session.idle_timeout, pool.session.pending_timeout, pool.session.max_lifetime});
}

void ControlPlane::tell_bled(const std::string& key) {
  const NodeRecord* const kept = record(key);
  parts_.events.add("bleed", key, "bleeding" + (kept ? who(kept->by, kept->reason) : ""));
}

}  // namespace bonedry::admin
