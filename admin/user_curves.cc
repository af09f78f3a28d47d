#include "admin/user_curves.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {

using balancer::NodeId;
using balancer::NodeState;

namespace {

/// Maintenance has a date of its own, but does not bring users back.
bool is_same_bleed(const SavedCurve& saved, const NodeRecord& record) {
  if (saved.began > record.since) return false;
  if (saved.since == record.since) return true;
  return record.state == NodeState::maintenance && saved.since < record.since;
}

}  // namespace

UserCurves::UserCurves(SavedCurves saved, const NodeRecords& records) {
  for (SavedCurves::value_type& one : saved) {
    const NodeRecord* const record = find_record(records, one.first);
    if (record == nullptr || !record->since_monotonic) continue;
    if (!is_same_bleed(one.second, *record)) continue;
    const Instant began = *record->since_monotonic - (record->since - one.second.began);
    entries_.emplace(one.first,
                     Entry{*record->since_monotonic, began, std::move(one.second.curve)});
  }
}

void UserCurves::tick(const balancer::Topology& topology, const NodeRecords& records, Instant now,
                      const UsersOf& users_of) {
  std::erase_if(entries_, [&records](const auto& known) { return !records.contains(known.first); });
  for (const auto& [id, record] : records) {
    const balancer::NodeView* const view = topology.find_node(id);
    if (view == nullptr || !record.since_monotonic) continue;
    Entry& entry = entry_of(id, record);
    const auto& points = entry.curve.points();
    if (record.dry == Dry::yes && !points.empty() && points.back().users == 0) continue;
    const Millis at = std::max(now - entry.began, Millis{0});
    entry.curve.note({at, std::max<std::int64_t>(users_of(*view->node), 0)});
  }
}

/// Another date means that the node was active in between, except in maintenance.
UserCurves::Entry& UserCurves::entry_of(const NodeId& id, const NodeRecord& record) {
  const Instant since = *record.since_monotonic;
  Entry& entry = entries_.try_emplace(id, Entry{since, since, {}}).first->second;
  if (entry.since == since) return entry;
  if (record.state != NodeState::maintenance) entry = {since, since, {}};
  entry.since = since;
  return entry;
}

void UserCurves::rename(const NodeId& from, const NodeId& to) {
  auto node = entries_.extract(from);
  if (node.empty()) return;
  entries_.erase(to);
  node.key() = to;
  entries_.insert(std::move(node));
}

const UserCurve* UserCurves::of(const NodeId& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.curve;
}

SavedCurves UserCurves::saved(const NodeRecords& records) const {
  SavedCurves all;
  for (const auto& [id, entry] : entries_) {
    const NodeRecord* const record = find_record(records, id);
    if (record == nullptr) continue;
    all.emplace(
        id, SavedCurve{record->since, record->since - (entry.since - entry.began), entry.curve});
  }
  return all;
}

}  // namespace bonedry::admin
