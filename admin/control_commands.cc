// Commands of operators: each change is saved, published, then reported.

#include "admin/config_change.h"
#include "admin/config_diff.h"
#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/record_times.h"
#include "balancer/guard.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeState;
using balancer::NodeView;
using balancer::PoolView;

void ControlPlane::bleed(const NodeId& id, const BleedRequest& request,
                         const ChangeCallback& callback) {
  if (auto error = check_members_told(request.applies_to))
    return callback(Failure{std::move(*error)});
  const NodeView& view = view_of(id);
  if (view.state == NodeState::maintenance && request.from_maintenance == FromMaintenance::stay) {
    return callback(ChangeResult(MaintainResult{id, Already::yes}));
  }
  const bool was_active = view.state == NodeState::active;
  const Result<> guard =
      was_active ? balancer::check_guard(pool_of(id), view.node->name(), parts_.clock.now())
                 : Result<>{Done{}};
  if (!guard && request.force == Force::no) {
    return callback(fail(ErrorCode::guard_refused, guard.error() + "; --force overrides"));
  }
  const BleedResult result{id,
                           view.state == NodeState::bleeding ? Already::yes : Already::no,
                           request.deadline,
                           0,
                           0,
                           guard ? "" : guard.error()};
  const auto change = [&](NodeRecords& records) {
    NodeRecord& next = records[id];
    if (was_active) stamp_start(next, parts_.clock);
    // Its door stays shut: no user may come back to a node that may be under update.
    if (view.state == NodeState::maintenance && next.dry == Dry::no) {
      next.displaced = Displaced::yes;
    }
    next.state = NodeState::bleeding;
    next.by = request.by;
    if (was_active || !request.reason.empty()) next.reason = request.reason;
    if (request.deadline) set_deadline(next, *request.deadline, parts_.clock);
  };
  const auto done =
      commit({id}, change,
             [this, result, request,
              callback = ack_timeouts_.with_timeout(id.text() + " is not reported dry", callback)] {
               report_bleed(result, request, callback);
             });
  if (!done) callback(Failure{done.error()});
}

/// Called when all workers have acknowledged: no new user enters the node.
void ControlPlane::report_bleed(BleedResult result, const BleedRequest& request,
                                const ChangeCallback& callback) {
  parts_.events.add(
      "bleed", result.node,
      bleeding_text(result) + who(request.by, request.reason) + forced_text(result.guard_refusal),
      {request.by, request.reason});
  const NodeEntry* const entry = nodes_.find(result.node);  // its pool may be gone by now
  if (entry != nullptr) {
    const SharedUsers sessions = users_of(*entry->node);
    result.live = sessions.live;
    result.pending = sessions.pending;
  }
  result.unheard = unheard();
  callback(ChangeResult(std::move(result)));
}

void ControlPlane::maintain(const NodeId& id, Force force, const Author& author,
                            const ChangeCallback& callback, AppliesTo applies_to) {
  if (auto error = check_members_told(applies_to)) return callback(Failure{std::move(*error)});
  const PoolView& pool = pool_of(id);
  const NodeView& view = view_of(id);
  const NodeRecord* const record = record_of(id);
  if (view.state == NodeState::maintenance)
    return callback(ChangeResult(MaintainResult{id, Already::yes}));
  const bool dry = record != nullptr && record->dry == Dry::yes;
  std::vector<std::string> refusals;
  if (!dry) {
    refusals.push_back(
        id.text() + " is not dry: " +
        (view.state == NodeState::active ? "it is active" : joined(check_.blocked_by(pool, view))));
  }
  const Result<> guard = balancer::check_guard(pool, view.node->name(), parts_.clock.now());
  if (!guard) refusals.push_back(guard.error());
  const std::string objection = joined(refusals);
  if (!objection.empty() && force == Force::no) {
    return callback(fail(dry ? ErrorCode::guard_refused : ErrorCode::not_ready,
                         objection + "; --force overrides"));
  }
  const auto change = [&](NodeRecords& records) {
    NodeRecord& next = records[id];
    stamp_start(next, parts_.clock);
    next.state = NodeState::maintenance;
    next.by = author.by;
    if (next.reason.empty()) next.reason = author.reason;
    if (!dry) next.displaced = Displaced::yes;
  };
  const auto done = commit(
      {id}, change,
      [this, result = MaintainResult{id, Already::no, objection}, author, dry,
       callback = ack_timeouts_.with_timeout("it is not safe to stop " + id.text(), callback)] {
        if (!dry) displace(result.node, "maintenance was forced");
        parts_.events.add(
            "maintain", result.node,
            "in maintenance" + who(author.by, author.reason) + forced_text(result.guard_refusal),
            author);
        MaintainResult told = result;
        told.unheard = unheard();
        callback(ChangeResult(std::move(told)));
      });
  if (!done) callback(Failure{done.error()});
}

void ControlPlane::activate(const NodeId& id, const Author& author, const ChangeCallback& callback,
                            AppliesTo applies_to) {
  if (auto error = check_members_told(applies_to)) return callback(Failure{std::move(*error)});
  const NodeView& view = view_of(id);
  if (view.state == NodeState::active)
    return callback(ChangeResult(ActivateResult{id, Already::yes}));
  if (removed_.contains(id)) {
    return callback(fail(ErrorCode::conflict, id.text() + " is no longer in the config"));
  }
  if (has_zero_weight(id)) {
    return callback(
        fail(ErrorCode::conflict, id.text() + " has weight 0 in the config and stays bleeding"));
  }
  const auto change = [&id](NodeRecords& records) { records.erase(id); };
  const auto done = commit(
      {id}, change,
      [this, id, author,
       callback = ack_timeouts_.with_timeout(id.text() + " may receive no new users", callback)] {
        if (record_of(id) != nullptr) {
          return callback(fail(ErrorCode::conflict,
                               id.text() + " was taken out of rotation again by another command"));
        }
        parts_.events.add("activate", id, "active" + who(author.by, author.reason), author);
        callback(ChangeResult(ActivateResult{id, Already::no, unheard()}));
      });
  if (!done) callback(Failure{done.error()});
}

/// According to the config. In the topology the node may still have its old weight, see
/// TopologyBuilder.
bool ControlPlane::has_zero_weight(const NodeId& id) const {
  return std::ranges::any_of(config_.pools, [&id](const conf::Pool& pool) {
    return pool.name == id.pool && std::ranges::any_of(pool.nodes, [&id](const conf::Node& node) {
             return node.weight == 0 && node.name == id.name;
           });
  });
}

void ControlPlane::reload(Force force, const std::string& by, const ChangeCallback& callback) {
  Result<conf::Config, CommandError> next = load_reloadable();
  const bool loaded = next.has_value();
  const auto done = next ? apply_config(std::move(*next), force, by, callback)
                         : Result<Done, CommandError>(Failure{next.error()});
  if (done) return;
  // A guard, an upgrade or want of room says nothing against the file.
  if (!loaded) status_.note_config_refused();
  parts_.events.warn("reload", "a reload" + who(by, "") + " was refused: " + done.error().text);
  callback(Failure{done.error()});
}

Result<conf::Config, CommandError> ControlPlane::load_reloadable() const {
  Result<conf::Config> next = parts_.load_config();
  if (!next) return fail(ErrorCode::invalid, "the config was not reloaded: " + next.error());
  if (const auto why = check_reloadable(config_, *next)) return Failure{*why};
  if (const auto why = check_cookie_unchanged(config_, *next)) return Failure{*why};
  return std::move(*next);
}

Result<Done, CommandError> ControlPlane::apply_config(conf::Config next, Force force,
                                                      const std::string& by,
                                                      const ChangeCallback& callback) {
  ConfigPlan plan = plan_for(next);
  const auto objection = pool_left_without_node(config_, records_, next, plan.records);
  if (objection && force == Force::no) {
    return fail(ErrorCode::guard_refused,
                *objection + "; --force overrides; the running config is unchanged");
  }
  if (const auto why = check_renames(plan)) {
    return fail(ErrorCode::unavailable, *why + "; the running config is unchanged");
  }
  const Result<> claimed = nodes_.claim(next, plan.removed, authority());
  if (!claimed) {
    for (const RenamedNode& one : plan.renamed) nodes_.abandon(one.to);
    return fail(ErrorCode::no_room, claimed.error() + "; the running config is unchanged");
  }
  const ReloadResult result{by, changes_between(config_, next, plan.records),
                            objection.value_or("")};
  std::swap(config_, next);
  std::swap(removed_, plan.removed);
  const Doors old_doors = doors_;
  for (const RenamedNode& one : plan.renamed) doors_.rename(one.from, one.to);
  const auto change = [&plan](NodeRecords& all) { all = plan.records; };
  // A worker with the old rules may let users in by them: none of these nodes is dry until all
  // workers have the new rules.
  NodeIds affected;
  for (const auto& [id, record] : plan.records) affected.push_back(id);
  auto done =
      commit(affected, change,
             [this, result, bled = plan.bled, renamed = plan.renamed,
              callback = ack_timeouts_.with_timeout(
                  "added nodes may receive no new users, and removed nodes are not reported dry",
                  callback)] {
               log_renames(renamed);
               for (const NodeId& id : bled) log_bleed(id);
               parts_.events.add("reload", "", to_text(result), {result.by});
               callback(ChangeResult(result));
             });
  if (done) {
    certificates_.forget_errors();
    status_.note_config_loaded();
    nodes_.adopt(config_, removed_, authority());
    for (const RenamedNode& one : plan.renamed) {
      nodes_.rename(one.from, one.to);
      curves_.rename(one.from, one.to);
    }
    return done;
  }
  std::swap(config_, next);
  std::swap(removed_, plan.removed);
  doors_ = old_doors;
  for (const RenamedNode& one : plan.renamed) nodes_.abandon(one.to);
  return done;
}

void ControlPlane::log_renames(const std::vector<RenamedNode>& renamed) {
  for (const RenamedNode& one : renamed) {
    parts_.events.add("rename", one.to, "formerly " + one.from.text() + ", whose users stay");
  }
}

void ControlPlane::log_bleed(const NodeId& id) {
  const NodeRecord* const record = record_of(id);
  if (record == nullptr) return;
  parts_.events.add("bleed", id, "bleeding" + who(record->by, record->reason),
                    {record->by, record->reason});
}

}  // namespace bonedry::admin
