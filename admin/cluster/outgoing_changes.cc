#include "admin/cluster/outgoing_changes.h"

#include <utility>

namespace bonedry::admin::cluster {

using session::SessionChange;
using session::SessionKey;
using Kind = SessionChange::Kind;

void OutgoingChanges::add(const std::vector<SessionChange>& changes, Instant now) {
  forget_old(now);
  for (const SessionChange& change : changes) {
    const bool is_kept = change.kind != Kind::present && change.kind != Kind::expired;
    if (is_kept) keep(change, now);
    waiting_.push_back(change);
  }
  added_ += changes.size();
}

std::vector<SessionChange> OutgoingChanges::take(std::size_t most) {
  std::vector<SessionChange> taken;
  while (taken.size() < most && waiting() > 0) {
    auto& unsent = repeated_.empty() ? waiting_ : repeated_;
    auto& from = returned_.empty() ? unsent : returned_;
    taken.push_back(from.front());
    from.pop_front();
  }
  return taken;
}

void OutgoingChanges::give_back(std::vector<SessionChange> changes) {
  returned_.insert(returned_.end(), changes.begin(), changes.end());
}

void OutgoingChanges::repeat_kept(Instant now) {
  forget_old(now);
  repeated_.clear();  // all of it is in kept_, or too old
  for (const Kept& kept : kept_) repeated_.push_back(kept.change);
}

std::optional<Instant> OutgoingChanges::ended(const SessionKey& key) const {
  const auto found = ended_.find(key);
  if (found == ended_.end()) return std::nullopt;
  return found->second;
}

void OutgoingChanges::keep(const SessionChange& change, Instant now) {
  if (kept_.size() >= kMaxKept) forget_first();
  kept_.push_back({change, now});
  if (change.kind == Kind::left) ended_[change.key] = change.ends;
}

void OutgoingChanges::forget_old(Instant now) {
  while (!kept_.empty() && kept_.front().at + kKept < now) forget_first();
}

void OutgoingChanges::forget_first() {
  const SessionChange& change = kept_.front().change;
  const auto found = ended_.find(change.key);
  // A session of the same key may have ended again since.
  if (found != ended_.end() && found->second == change.ends) ended_.erase(found);
  kept_.pop_front();
}

}  // namespace bonedry::admin::cluster
