// What a config means for the nodes: planned in full, and given its room, before anything changes.

#include "admin/control_plane.h"
#include "admin/phrases.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace bonedry::admin {

using balancer::NodeId;
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

/// Looks nodes up in a config that may have thousands.
class Membership {
 public:
  explicit Membership(const conf::Config& config) : config_(config) {
    for (const conf::Pool& pool : config.pools) {
      for (const conf::Node& node : pool.nodes) nodes_.insert({pool.name, node.name});
    }
  }
  /// The node's pool, if the config has the pool but not the node.
  [[nodiscard]] const conf::Pool* pool_without(const NodeId& id) const {
    return nodes_.contains(id) ? nullptr : find_pool(config_, id.pool);
  }

 private:
  const conf::Config& config_;
  std::unordered_set<NodeId> nodes_;
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
      const NodeId id{pool.name, node.name};
      if (const auto kept = plan.records.find(id); kept != plan.records.end()) {
        kept->second.removed_from.reset();
        kept->second.reason = reason_now(node, kept->second.reason);
      } else if (node.weight == 0) {
        NodeRecord bleeding;
        begin_now(bleeding);
        bleeding.by = "config";
        bleeding.reason = kWeightless;
        plan.records.emplace(id, bleeding);
        plan.bled.push_back(id);
      }
    }
  }
}

/// Nodes that the config leaves out although somebody may be on them bleed until they are dry:
/// those in force here, and those of a time before, when this process was not there or the pool was
/// not in the config.
void ControlPlane::plan_removed(const conf::Config& next, Plan& plan) const {
  const Membership members(next);
  std::set<NodeId> in_force;
  for (std::size_t at = 0; topology_ && at < topology_->pools.size(); ++at) {
    for (const NodeView& view : topology_->pools[at].nodes) {
      in_force.insert(view.node->id());
      const conf::Pool* const pool = members.pool_without(view.node->id());
      if (pool == nullptr) continue;
      retain(*pool,
             {view.node->name(), view.address, 0, view.max_sessions, view.max_connections,
              view.max_waiting},
             plan);
    }
  }
  plan_absent(next, in_force, plan);
}

void ControlPlane::plan_absent(const conf::Config& next, std::set<NodeId> seen, Plan& plan) const {
  const Membership members(next);
  for (const session::KnownNode& known : parts_.ledger.nodes()) {
    const std::optional<conf::Address> address = conf::parse_address(known.address);
    const std::optional<NodeId> id = NodeId::parse(known.key);
    const conf::Pool* const pool = id ? members.pool_without(*id) : nullptr;
    if (pool == nullptr || !address || seen.contains(*id)) continue;
    if (!may_be_inhabited(*pool, *id, &known)) continue;
    seen.insert(*id);
    retain(*pool, {id->name, *address, 0, 0}, plan);
  }
  for (const auto& [id, kept] : records_) {
    const conf::Pool* const pool = members.pool_without(id);
    if (pool == nullptr || !kept.removed_from || seen.contains(id)) continue;
    if (may_be_inhabited(*pool, id, nullptr)) {
      retain(*pool, {id.name, *kept.removed_from, 0, 0}, plan);
    } else {
      plan.records.erase(id);
    }
  }
}

/// Notes that a node that is no longer in the config bleeds.
void ControlPlane::retain(const conf::Pool& pool, const conf::Node& node, Plan& plan) const {
  const NodeId id{pool.name, node.name};
  const auto [kept, is_new] = plan.records.try_emplace(id);
  kept->second.removed_from = node.address;
  plan.removed.add(pool.name, node);
  if (is_new) {
    begin_now(kept->second);
    kept->second.by = "config";
    plan.bled.push_back(id);
  }
  if (is_new || is_of_config(kept->second.reason)) kept->second.reason = kRemoved;
}

/// Whether anybody is on a node that no worker of this process routes to, or may come back to it.
/// `known`: what the ledger has of it; nothing, if it is not to be asked.
bool ControlPlane::may_be_inhabited(const conf::Pool& pool, const NodeId& id,
                                    const session::KnownNode* known) const {
  const NodeRecord* const kept = record(id);
  if (kept != nullptr && kept->dry == Dry::yes) return false;
  // Another process has those in force of which the ledger knows where they are.
  if (known != nullptr && parts_.company == Parts::Company::predecessor && !topology_) return true;
  Instant until = gap_.over_at(pool);
  if (known != nullptr) {
    if (parts_.ledger.counts(known->slot).read().all() > 0) return true;
    if (const auto evicted = parts_.ledger.last_eviction(known->slot)) {
      until = std::max(until, *evicted + session::complete_after(pool.session));
    }
  }
  return until > parts_.ledger.judged(parts_.clock.now());
}

void ControlPlane::tell_bled(const NodeId& id) {
  const NodeRecord* const kept = record(id);
  parts_.events.add("bleed", id, "bleeding" + (kept ? who(kept->by, kept->reason) : ""));
}

}  // namespace bonedry::admin
