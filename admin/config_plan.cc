#include "admin/config_plan.h"

#include "admin/find_pool.h"
#include "admin/former_name.h"
#include "admin/record_times.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeView;

namespace {

// Reasons for a bleed that come from a config, and what they become when they no longer hold.
constexpr const char* kWeightless = "weight is 0";
constexpr const char* kWasWeightless = "weight was 0";
constexpr const char* kRemoved = "removed from the config";
constexpr const char* kWasRemoved = "was removed from the config";

/// A reason that an operator gave is not changed.
bool is_of_config(const std::string& reason) {
  constexpr std::array kAll{kWeightless, kWasWeightless, kRemoved, kWasRemoved};
  return std::ranges::find(kAll, reason) != kAll.end();
}

std::string current_reason(const conf::Node& node, const std::string& reason) {
  if (!is_of_config(reason)) return reason;
  if (node.weight == 0) return kWeightless;
  if (reason == kWeightless) return kWasWeightless;
  return reason == kRemoved ? kWasRemoved : reason;
}

/// Looks up nodes in a config that may have thousands.
class ConfigIndex {
 public:
  ConfigIndex(const conf::Config& config, const std::vector<RenamedNode>& renamed)
      : config_(config) {
    for (const conf::Pool& pool : config.pools) {
      for (const conf::Node& node : pool.nodes) nodes_.insert({pool.name, node.name});
    }
    for (const RenamedNode& one : renamed) nodes_.insert(one.from);
  }
  /// The node's pool, if the config has the pool but not the node, by either name.
  [[nodiscard]] const conf::Pool* pool_without(const NodeId& id) const {
    return nodes_.contains(id) ? nullptr : find_pool(config_, id.pool);
  }

 private:
  const conf::Config& config_;
  std::unordered_set<NodeId> nodes_;
};

}  // namespace

bool is_of_earlier_config(const std::string& reason) {
  return reason == kWasWeightless || reason == kWasRemoved;
}

ConfigPlan ConfigPlanner::plan(const conf::Config& next) const {
  ConfigPlan plan;
  plan.records = inputs_.records;
  plan_renamed(next, plan);
  plan_configured(next, plan);
  plan_removed(next, plan);
  return plan;
}

/// A node with another name keeps its users and its state.
void ConfigPlanner::plan_renamed(const conf::Config& next, ConfigPlan& plan) const {
  for (const conf::Pool& pool : next.pools) {
    for (const conf::Node& node : pool.nodes) {
      const NodeId id{pool.name, node.name};
      auto former = former_id(inputs_.ledger, pool, node);
      if (former) plan.renamed.push_back({*former, id});
      if (!former) former = recorded_as(pool, node);
      if (!former) continue;
      auto record = plan.records.extract(*former);
      if (record.empty()) continue;
      plan.records.erase(id);
      record.key() = id;
      plan.records.insert(std::move(record));
    }
  }
}

/// The earlier name under which there is a record of a node that the ledger does not know, because
/// it was lost.
std::optional<NodeId> ConfigPlanner::recorded_as(const conf::Pool& pool,
                                                 const conf::Node& node) const {
  const NodeId id{pool.name, node.name};
  if (node.formerly.empty() || inputs_.records.contains(id)) return std::nullopt;
  const auto known = inputs_.ledger.nodes();
  const auto own = std::ranges::find(known, id.text(), &session::LedgerNode::key);
  if (own != known.end()) return std::nullopt;
  for (const std::string& name : node.formerly) {
    if (inputs_.records.contains({pool.name, name})) return NodeId{pool.name, name};
  }
  return std::nullopt;
}

/// A config never ends a bleed: it begins bleeds, and keeps the reasons of the others up to date.
void ConfigPlanner::plan_configured(const conf::Config& next, ConfigPlan& plan) const {
  for (const conf::Pool& pool : next.pools) {
    for (const conf::Node& node : pool.nodes) {
      const NodeId id{pool.name, node.name};
      if (const auto record = plan.records.find(id); record != plan.records.end()) {
        record->second.removed_from.reset();
        record->second.reason = current_reason(node, record->second.reason);
      } else if (node.weight == 0) {
        NodeRecord bleeding;
        stamp_start(bleeding, inputs_.clock);
        bleeding.by = "config";
        bleeding.reason = kWeightless;
        plan.records.emplace(id, bleeding);
        plan.bled.push_back(id);
      }
    }
  }
}

/// NodeIds that are no longer in the config but may have users bleed until they are dry. These are
/// the nodes in force here, and earlier nodes that were left out before this process started or
/// while their pool was not in the config.
void ConfigPlanner::plan_removed(const conf::Config& next, ConfigPlan& plan) const {
  const ConfigIndex members(next, plan.renamed);
  std::set<NodeId> in_force;
  for (std::size_t at = 0; inputs_.in_force != nullptr && at < inputs_.in_force->pools.size();
       ++at) {
    for (const NodeView& view : inputs_.in_force->pools[at].nodes) {
      in_force.insert(view.node->id());
      const conf::Pool* const pool = members.pool_without(view.node->id());
      if (pool == nullptr) continue;
      keep_removed(*pool,
                   {view.node->name(), view.address, 0, view.max_sessions, view.max_connections,
                    view.max_waiting},
                   plan);
    }
  }
  plan_absent(next, in_force, plan);
}

void ConfigPlanner::plan_absent(const conf::Config& next, std::set<NodeId> seen,
                                ConfigPlan& plan) const {
  const ConfigIndex members(next, plan.renamed);
  for (const session::LedgerNode& known : inputs_.ledger.nodes()) {
    const std::optional<conf::Address> address = conf::parse_address(known.address);
    const std::optional<NodeId> id = NodeId::parse(known.key);
    const conf::Pool* const pool = id ? members.pool_without(*id) : nullptr;
    if (pool == nullptr || !address || seen.contains(*id)) continue;
    if (!may_have_users(*pool, *id, &known)) continue;
    seen.insert(*id);
    keep_removed(*pool, {id->name, *address, 0, 0}, plan);
  }
  for (const auto& [id, record] : inputs_.records) {
    const conf::Pool* const pool = members.pool_without(id);
    if (pool == nullptr || !record.removed_from || seen.contains(id)) continue;
    if (may_have_users(*pool, id, nullptr)) {
      keep_removed(*pool, {id.name, *record.removed_from, 0, 0}, plan);
    } else {
      plan.records.erase(id);
    }
  }
}

/// Records that a node that is no longer in the config bleeds.
void ConfigPlanner::keep_removed(const conf::Pool& pool, const conf::Node& node,
                                 ConfigPlan& plan) const {
  const NodeId id{pool.name, node.name};
  const auto [record, is_new] = plan.records.try_emplace(id);
  record->second.removed_from = node.address;
  plan.removed.add(pool.name, node);
  if (is_new) {
    stamp_start(record->second, inputs_.clock);
    record->second.by = "config";
    plan.bled.push_back(id);
  }
  if (is_new || is_of_config(record->second.reason)) record->second.reason = kRemoved;
}

/// Whether a node that no worker of this process routes to has users, or users may come back to it.
/// `known`: its entry in the ledger; null if the ledger is not to be asked.
bool ConfigPlanner::may_have_users(const conf::Pool& pool, const NodeId& id,
                                   const session::LedgerNode* known) const {
  const NodeRecord* const record = find_record(inputs_.records, id);
  if (record != nullptr && record->dry == Dry::yes) return false;
  // The predecessor has every node in force that has an address in the ledger.
  if (known != nullptr && inputs_.other_process == OtherProcess::predecessor &&
      inputs_.in_force == nullptr)
    return true;
  Instant until = inputs_.gap.complete_at(pool);
  if (known != nullptr) {
    if (inputs_.ledger.counts(known->slot).read().all() > 0) return true;
    if (const auto evicted = inputs_.ledger.last_eviction(known->slot)) {
      until = std::max(until, *evicted + session::longest_session(pool.session));
    }
  }
  return until > inputs_.ledger.expiry_now(inputs_.clock.now());
}

}  // namespace bonedry::admin
