// This proxy as a member of a cluster: takes over what others decide.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/record_times.h"

#include <string_view>
#include <utility>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeState;

namespace {

constexpr std::string_view kNoCluster = "this proxy is alone: its config has no [cluster]";

}  // namespace

void ControlPlane::join(Peers& peers) {
  peers_ = &peers;
  check_.join(&peers);
  // Members that are silent must have been found so before a response gives up waiting for them.
  ack_timeouts_.extend_by(config_.cluster ? config_.cluster->silent_after : Millis{0});
}

Result<Done, CommandError> ControlPlane::forget_member(const std::string& name,
                                                       const std::string& by) {
  if (peers_ == nullptr) return fail(ErrorCode::not_found, std::string(kNoCluster));
  const Result<> forgotten = peers_->forget(name, by);
  if (!forgotten) return fail(ErrorCode::conflict, forgotten.error());
  return Done{};
}

Result<Done, CommandError> ControlPlane::start_alone(const std::string& by) {
  if (peers_ == nullptr) return fail(ErrorCode::not_found, std::string(kNoCluster));
  const Result<> started = peers_->start_alone(by);
  if (!started) return fail(ErrorCode::conflict, started.error());
  return Done{};
}

SharedUsers ControlPlane::users_of(const balancer::Node& node) const {
  if (const auto all = peers_ == nullptr ? std::nullopt : peers_->users(node.id())) return *all;
  const balancer::SessionCounts::Values here = node.sessions().read();
  return {here.live, here.pending};
}

std::optional<CommandError> ControlPlane::check_members_told(AppliesTo applies_to) const {
  if (peers_ == nullptr || applies_to == AppliesTo::this_member) return std::nullopt;
  std::string why = peers_->cannot_change();
  if (why.empty()) return std::nullopt;
  return CommandError{ErrorCode::unavailable, std::move(why)};
}

/// What concerns this member alone stays: the address of a node that its config has lost, and what
/// it has warned of.
NodeIds ControlPlane::adopt(const Decisions& decisions, NodeRecords& records) const {
  NodeIds changed;
  for (const auto& [id, decided] : decisions) {
    if (!has(id) || (!decided && (has_zero_weight(id) || removed_.contains(id)))) continue;
    const auto mine = records.find(id);
    NodeRecord next = decided.value_or(NodeRecord{});
    next.since_monotonic.reset();
    next.deadline_monotonic.reset();
    if (mine != records.end()) {
      next.removed_from = mine->second.removed_from;
      next.warned = mine->second.warned;
      if (next.since == mine->second.since) next.since_monotonic = mine->second.since_monotonic;
      if (next.deadline == mine->second.deadline)
        next.deadline_monotonic = mine->second.deadline_monotonic;
    }
    if (mine == records.end() ? !decided : decided && next == mine->second) continue;
    changed.push_back(id);
    if (!decided) {
      records.erase(id);
    } else {
      records[id] = std::move(next);
    }
  }
  restore_monotonic(records, parts_.clock);
  return changed;
}

Result<> ControlPlane::apply(const Decisions& decisions) {
  if (is_standby()) return Failure{std::string("an upgrade is in progress")};
  NodeRecords next = records_;
  const NodeIds changed = adopt(decisions, next);
  if (changed.empty()) return Done{};
  Result<> saved = parts_.store.save(next);
  const NodeRecords before = std::exchange(records_, std::move(next));
  for (const NodeId& id : changed) {
    doors_.note_change(id, topology_->version + 1);
    if (before.contains(id) && !records_.contains(id))
      nodes_.begin_slow_start(id, parts_.clock.now());
  }
  publish([this] { complete_waits(); });
  for (const NodeId& id : changed) log_decision(id, find_record(before, id));
  return saved;
}

Result<> ControlPlane::save_records() {
  if (is_standby()) return Failure{std::string("an upgrade is in progress")};
  return parts_.store.save(records_);
}

void ControlPlane::displace_out_of_rotation(const std::string& why) {
  for (const auto& [id, record] : records_) {
    const NodeEntry* const entry = nodes_.find(id);
    if (entry == nullptr) continue;
    const std::uint64_t count = parts_.ledger.displace(entry->slot);
    if (count == 0) continue;
    parts_.events.warn("displace", id.text(),
                       why + ": " + counted(static_cast<std::int64_t>(count), "session") +
                           " will be moved at their next request");
  }
}

/// An event of a kind that hooks wait for is told by one member: the one that an operator has
/// asked, or, for what the members agree on, the one that leads.
void ControlPlane::log_decision(const NodeId& id, const NodeRecord* before) {
  const NodeRecord* const now = record_of(id);
  const std::string decided = ", as the cluster has decided";
  if (now == nullptr) return parts_.events.add("member", id, "active" + decided);
  const bool dry = now->dry == Dry::yes && (before == nullptr || before->dry == Dry::no);
  if (dry) {
    return parts_.events.add(peers_->leads() ? "dry" : "member", id,
                             "bone dry: no users are left on any member and none will come back");
  }
  const std::string by = who(now->by, now->reason);
  const std::string state = now->state == NodeState::maintenance ? "in maintenance" : "bleeding";
  parts_.events.add("member", id, state + by + decided);
}

std::vector<std::string> ControlPlane::blocked_here(const NodeId& id) const {
  const balancer::PoolView* const pool = topology_->find_pool(id.pool);
  const balancer::NodeView* const view = topology_->find_node(id);
  if (pool == nullptr || view == nullptr) return {};  // no worker routes to it
  return check_.blocked_here(*pool, *view);
}

DryOutlook ControlPlane::outlook_here(const NodeId& id) const {
  const balancer::PoolView* const pool = topology_->find_pool(id.pool);
  const balancer::NodeView* const view = topology_->find_node(id);
  const NodeRecord* const record = find_record(records_, id);
  if (pool == nullptr || view == nullptr || record == nullptr) return {};
  return status_.outlook_here(*pool, *view, *record);
}

void ControlPlane::hold(const NodeIds& nodes, std::function<void()> held) {
  held_.insert(nodes.begin(), nodes.end());
  publish(std::move(held));
}

void ControlPlane::release(const NodeIds& nodes) {
  for (const NodeId& id : nodes) held_.erase(id);
  doors_.reopen_unconfirmed(nodes);
  publish([] {});
}

void ControlPlane::retract_dryness(const NodeId& id) {
  const auto retract = [&id](NodeRecords& records) { records[id].dry = Dry::no; };
  if (record_of(id) == nullptr) return;
  const auto done = commit({id}, retract, [] {});
  if (!done) parts_.events.error(id.text(), "cannot save that it is not dry: " + done.error().text);
}

}  // namespace bonedry::admin
