// How a node becomes dry, by itself or by its deadline, and what happens to a node that the config
// has lost.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "admin/record_times.h"
#include "proxy/base/duration.h"

#include <map>
#include <set>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeView;
using balancer::PoolView;

/// Displaces the sessions of a node whose door all workers already hold shut.
void ControlPlane::displace(const NodeId& id, const std::string& why) {
  const NodeRecord* const record = record_of(id);
  if (record == nullptr || record->displaced == Displaced::no) return;  // activated again meanwhile
  const NodeEntry* const entry = nodes_.find(id);
  if (entry == nullptr) return;  // removed by a reload meanwhile
  const std::uint64_t count = parts_.ledger.displace(entry->slot);
  if (peers_ != nullptr) peers_->note_displaced(id);
  if (count > 0) {
    parts_.events.add("displace", id,
                      why + ": " + counted(static_cast<std::int64_t>(count), "session") +
                          " will be moved at their next request");
  }
}

/// In a cluster one member decides this for all, by its clock.
void ControlPlane::apply_deadlines() {
  if (peers_ != nullptr && !peers_->leads()) return;
  for (const NodeId& id : past_deadline(records_, parts_.clock.now())) {
    if (!nodes_.contains(id)) continue;
    const auto done = commit(
        {id}, [&id](NodeRecords& records) { records[id].displaced = Displaced::yes; },
        [this, id] {
          parts_.events.add("deadline", id, "the deadline has passed");
          displace(id, "deadline");
        });
    if (!done) {
      retry_save_at_ = parts_.clock.now() + kRetrySave;
      parts_.events.error(id.text(), "cannot apply the deadline: " + done.error().text);
      return;
    }
  }
}

/// Once per bleed: what has been said is saved before it is said. Weight 0 is a bleed that the
/// config asks for, which nobody can forget.
void ControlPlane::warn_of_long_bleeds() {
  std::map<NodeId, std::string> news;
  for (const auto& [id, record] : records_) {
    if (record.warned == Warned::yes || !nodes_.contains(id) || has_zero_weight(id)) continue;
    const auto age = age_of_long_bleed(record, parts_.clock.now(), config_.admin.bleed_warning);
    if (!age) continue;
    news.emplace(id, "bleeding for " + format_duration(*age) + who(record.by, record.reason) +
                         "; was it forgotten? See [admin] bleed_warning");
  }
  // An older program that has not ended yet may not know the mark.
  if (news.empty() || parts_.ledger.is_shared()) return;
  NodeRecords next = records_;
  for (const auto& [id, text] : news) next[id].warned = Warned::yes;
  const Result<> saved = parts_.store.save(next);
  if (!saved) {
    retry_save_at_ = parts_.clock.now() + kRetrySave;
    return parts_.events.error("", saved.error());
  }
  records_ = std::move(next);
  for (const auto& [id, text] : news) parts_.events.warn("bleed_warning", id.text(), text);
}

/// An exchange from before the door was shut may begin its session only now. Its user cannot come
/// back to this node, so the session is displaced like the others and does not delay dryness.
void ControlPlane::displace_newly_begun() {
  for (const auto& [id, record] : records_) {
    if (record.displaced == Displaced::no || record.dry == Dry::yes || !doors_.is_acknowledged(id))
      continue;
    const NodeEntry* const entry = nodes_.find(id);
    if (entry == nullptr || entry->node->sessions().read().all() == 0) continue;
    displace(id, "begun when the node was already closed");
  }
}

/// A worker may be letting in a user whom the first check does not see, so the doors are shut
/// before the check that counts. The members of a cluster do that together.
void ControlPlane::start_dryness_checks() {
  if (peers_ != nullptr) return;
  const Doors::DrynessCandidates look = doors_.find_candidates(
      *topology_, records_,
      [this](const PoolView& pool, const NodeView& view) { return has_no_users(pool, view); });
  if (!look.dry.empty()) latch_dryness(look.dry);
  if (look.to_confirm.empty()) return;
  doors_.shut_for_confirmation(look.to_confirm);
  publish([this, nodes = look.to_confirm] { confirm_dryness(nodes); });
}

/// All workers hold the doors shut: a user who is not counted now is not there and cannot come.
void ControlPlane::confirm_dryness(const NodeIds& nodes) {
  if (is_standby()) return;  // the successor makes its own checks and says what to shut
  const Doors::DrynessConfirmation look = doors_.confirm_dryness(
      nodes, *topology_,
      [this](const PoolView& pool, const NodeView& view) { return has_no_users(pool, view); });
  if (!look.dry.empty()) latch_dryness(look.dry);
  if (!look.still_in_use.empty()) reopen(look.still_in_use);
}

void ControlPlane::latch_dryness(const NodeIds& dry) {
  const auto change = [&dry](NodeRecords& records) {
    for (const NodeId& id : dry) records[id].dry = Dry::yes;
  };
  const auto done = commit(dry, change, [this, dry] {
    for (const NodeId& id : dry) {
      parts_.events.add("dry", id, "bone dry: no users are left and none will come back");
    }
    complete_waits();
  });
  if (done) return;
  retry_save_at_ = parts_.clock.now() + kRetrySave;
  parts_.events.error(joined(dry), "cannot save that the node is dry: " + done.error().text);
  reopen(dry);
}

void ControlPlane::reopen(const NodeIds& nodes) {
  doors_.reopen_unconfirmed(nodes);
  publish([] {});
}

void ControlPlane::drop_dry_removed_nodes() {
  NodeIds gone;
  for (const RemovedNode& removed : removed_.all()) {
    const NodeRecord* const record = record_of(removed.id());
    if (record == nullptr || record->dry == Dry::no || !doors_.is_acknowledged(removed.id()))
      continue;
    gone.push_back(removed.id());
  }
  if (gone.empty()) return;
  const RemovedNodes before = removed_;
  removed_.drop(gone);
  const auto forget = [&gone](NodeRecords& records) {
    for (const NodeId& id : gone) records.erase(id);
  };
  const auto done = commit({}, forget, [] {});
  if (!done) {
    removed_ = before;
    retry_save_at_ = parts_.clock.now() + kRetrySave;
    return parts_.events.error(joined(gone),
                               "cannot save that the node is removed: " + done.error().text);
  }
  for (const NodeId& id : gone) {
    nodes_.forget_address(id);
    parts_.events.add("removed", id, "removed: the node is dry and no longer in the config");
  }
}

void ControlPlane::release_unused_nodes() {
  std::size_t in_force = 0;
  for (const PoolView& pool : topology_->pools) in_force += pool.nodes.size();
  // While a worker has an older topology, it may let in a user who is not counted yet.
  if (in_force == nodes_.all().size() || doors_.acknowledged() != topology_->version) return;
  std::set<NodeId> wanted;
  for (const PoolView& pool : topology_->pools) {
    for (const balancer::NodeView& view : pool.nodes) wanted.insert(view.node->id());
  }
  NodeIds gone;
  for (const auto& [id, entry] : nodes_.all()) {
    // Read exchanges before sessions, see `DrynessCheck::blocked_by`.
    if (wanted.contains(id) || entry.node->exchanges_open() != 0) continue;
    // Their connections count in the slot until they end.
    if (entry.node->pass_exchanges_open() != 0) continue;
    if (entry.node->sessions().read().all() == 0) gone.push_back(id);
  }
  bool remembered = false;
  for (const NodeId& id : gone) {
    nodes_.release(id);
    doors_.forget(id);
    const NodeRecord* const record = record_of(id);
    remembered = remembered || (record != nullptr && record->removed_from);
  }
  if (!remembered) return;
  const auto forget = [&gone](NodeRecords& records) {
    for (const NodeId& id : gone) {
      const auto record = records.find(id);
      if (record != records.end() && record->second.removed_from) records.erase(record);
    }
  };
  // If the save fails, the records are dropped at the next start.
  (void)commit({}, forget, [] {});
}

}  // namespace bonedry::admin
