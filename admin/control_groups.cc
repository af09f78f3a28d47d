// Switching a pool from one group of nodes to another.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/record_times.h"
#include "balancer/guard.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

namespace {

std::string groups_of(const PoolView& pool) {
  std::set<std::string> names;
  for (const NodeView& view : pool.nodes) {
    if (!view.group.empty()) names.insert(view.group);
  }
  if (names.empty()) return "its nodes have no 'group' in the config";
  return "known groups: " + joined(std::vector<std::string>(names.begin(), names.end()));
}

}  // namespace

Result<ControlPlane::SwitchPlan, CommandError> ControlPlane::plan_switch(
    const std::string& pool, const std::string& group) const {
  const PoolView* const found = topology_->find_pool(pool);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const PoolView& each : topology_->pools) names.push_back(each.config.name);
    return fail(ErrorCode::not_found, unknown_pool(pool, names));
  }
  SwitchPlan plan;
  bool known = false;
  for (const NodeView& view : found->nodes) {
    const NodeId& id = view.node->id();
    if (view.group != group || removed_.contains(id)) {
      if (view.state != NodeState::maintenance) plan.bled.push_back(id);
      continue;
    }
    known = true;
    if (has_zero_weight(id)) {
      return fail(ErrorCode::conflict,
                  id.text() + " has weight 0 in the config and stays bleeding");
    }
    if (view.state != NodeState::active) plan.activated.push_back(id);
  }
  if (known) return plan;
  return fail(ErrorCode::not_found,
              "unknown group '" + group + "' in pool " + pool + "; " + groups_of(*found));
}

void ControlPlane::switch_group(const std::string& pool, const std::string& group,
                                const SwitchRequest& request, const ChangeCallback& callback) {
  if (auto error = check_members_told(request.applies_to))
    return callback(Failure{std::move(*error)});
  const auto plan = plan_switch(pool, group);
  if (!plan) return callback(Failure{plan.error()});
  const Result<> guard =
      balancer::check_group(*topology_->find_pool(pool), group, parts_.clock.now());
  if (!guard && request.force == Force::no) {
    return callback(fail(ErrorCode::guard_refused, guard.error() + "; --force overrides"));
  }
  SwitchResult result{pool, group, plan->activated, {}, request.deadline, {}, {}};
  if (!guard) result.guard_refusal = guard.error();
  for (const NodeId& id : plan->bled) {
    const Already already = view_of(id).state == NodeState::bleeding ? Already::yes : Already::no;
    result.bled.push_back({id, already, request.deadline});
  }
  NodeIds changed = plan->activated;
  changed.insert(changed.end(), plan->bled.begin(), plan->bled.end());
  const auto begun = std::make_shared<Instant>();  // when the last record was made
  const auto change = [&](NodeRecords& records) {
    note_switch(*plan, request, records);
    *begun = parts_.clock.now();
  };
  const auto done = commit(
      changed, change,
      [this, result, request, begun,
       callback = ack_timeouts_.with_timeout(
           request.remaining == Remaining::moved
               ? "new users may still enter nodes of other groups, whose users were not moved"
               : "new users may still enter nodes of other groups",
           callback)] { report_switch(result, request, *begun, callback); });
  if (!done) callback(Failure{done.error()});
}

void ControlPlane::note_switch(const SwitchPlan& plan, const SwitchRequest& request,
                               NodeRecords& records) const {
  for (const NodeId& id : plan.activated) records.erase(id);
  for (const NodeId& id : plan.bled) {
    const auto [entry, was_active] = records.try_emplace(id);
    NodeRecord& next = entry->second;
    if (was_active) stamp_start(next, parts_.clock);
    next.by = request.by;
    if (was_active || !request.reason.empty()) next.reason = request.reason;
    if (request.deadline && next.dry == Dry::no) {
      set_deadline(next, *request.deadline, parts_.clock);
    }
  }
}

/// Called when all workers have acknowledged: new users enter the nodes of the group, and no
/// others.
void ControlPlane::report_switch(SwitchResult result, const SwitchRequest& request, Instant begun,
                                 const ChangeCallback& callback) {
  const Author author{request.by, request.reason};
  std::erase_if(result.activated, [this](const NodeId& id) {
    return record_of(id) != nullptr;  // another command has taken it out again
  });
  for (const NodeId& id : result.activated) {
    parts_.events.add("activate", id, "active" + who(request.by, request.reason), author);
  }
  for (BleedResult& bled : result.bled) {
    if (bled.already == Already::no) {
      parts_.events.add("bleed", bled.node, bleeding_text(bled) + who(request.by, request.reason),
                        author);
    }
    const NodeEntry* const entry = nodes_.find(bled.node);
    if (entry == nullptr) continue;
    const SharedUsers sessions = users_of(*entry->node);
    bled.live = sessions.live;
    bled.pending = sessions.pending;
  }
  if (request.remaining == Remaining::moved)
    return cut(std::move(result), request, begun, callback);
  log_switch(result, request);
  result.unheard = unheard();
  callback(ChangeResult(std::move(result)));
}

/// The group's doors are open to everybody by now: who is moved there stays there.
/// A node that somebody has activated and bled again since then is not of this switch.
void ControlPlane::cut(SwitchResult result, const SwitchRequest& request, Instant begun,
                       const ChangeCallback& callback) {
  NodeIds nodes;
  std::int64_t sessions = 0;  // some are moved before they are displaced: by requests meanwhile
  for (const BleedResult& bled : result.bled) {
    const NodeRecord* const record = record_of(bled.node);
    if (record == nullptr || record->dry == Dry::yes) continue;
    if (record->since_monotonic && *record->since_monotonic > begun) continue;
    nodes.push_back(bled.node);
    sessions += bled.live + bled.pending;
  }
  result.cut = static_cast<std::uint64_t>(sessions);
  const auto change = [&nodes](NodeRecords& records) {
    for (const NodeId& id : nodes) records[id].displaced = Displaced::yes;
  };
  const auto done = commit(
      nodes, change,
      [this, nodes, result, request,
       callback = ack_timeouts_.with_timeout("users may be on nodes of other groups", callback)] {
        for (const NodeId& id : nodes) displace(id, "cut");
        log_switch(result, request);
        callback(ChangeResult(result));
      });
  if (done) return;
  result.cut.reset();
  log_switch(result, request);
  callback(fail(done.error().code,
                switched_text(result) + "; but no session was moved: " + done.error().text));
}

void ControlPlane::log_switch(const SwitchResult& result, const SwitchRequest& request) {
  parts_.events.add(
      "switch", "",
      switched_text(result) + who(request.by, request.reason) + forced_text(result.guard_refusal),
      {request.by, request.reason});
}

}  // namespace bonedry::admin
