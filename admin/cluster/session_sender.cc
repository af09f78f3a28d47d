#include "admin/cluster/session_sender.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

using session::SessionChange;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kCollected = 500;  // in one call, under the locks of the ledger
// In one tick, of a ledger with few sessions: some 64,000 records, a millisecond or two.
constexpr std::size_t kListedParts = 32;
constexpr Millis kMaxRounding = seconds{30};
constexpr Millis kInTime = seconds{1};

/// By how much the end of a session may be rounded up, see session::SessionChange::ends.
Millis rounding_of(const SyncNode* node) {
  return node == nullptr ? kMaxRounding : std::min(kMaxRounding, node->idle / 20);
}

/// For how long the index must know that a session has ended: until no other member can have it.
Millis keep_of(const SyncNode* node) {
  return node == nullptr ? hours{1} : node->idle + minutes{1};
}

}  // namespace

SessionSender::SessionSender(SessionIndex& index, session::SharedSessions& sessions,
                             const SyncNodes& nodes, const Clock& clock, SyncStatistics& statistics)
    : index_(index), sessions_(sessions), nodes_(nodes), clock_(clock), statistics_(statistics) {}

void SessionSender::collect() {
  const Instant now = clock_.now();
  more_due_ = true;
  while (more_due_ && outgoing_.waiting() < kMaxWaiting) {
    Changes changes;
    more_due_ = sessions_.collect(changes, kCollected, now);
    outgoing_.add(changes, now);
  }
  if (sessions_.take_overflow()) send_everything();
}

void SessionSender::tick() {
  collect();
  for (std::size_t i = 0; i < kListedParts && stage_ == Stage::listing; ++i) {
    if (outgoing_.waiting() >= kMaxWaiting) break;
    list_part();
  }
  send();
}

void SessionSender::send_everything() {
  ++statistics_.full_sends;
  outgoing_.repeat_kept(clock_.now());
  stage_ = Stage::listing;
  part_ = 0;
  marker_.reset();
}

void SessionSender::list_part() {
  Changes changes;
  sessions_.collect_all(part_, changes, clock_.now());
  outgoing_.add(changes, clock_.now());
  if (++part_ < sessions_.parts()) return;
  stage_ = Stage::draining;
  listed_ = outgoing_.added();
}

void SessionSender::send() {
  while (in_flight_.size() < kMaxInFlight && outgoing_.waiting() > 0) {
    send_batch(outgoing_.take(kMaxBatch));
  }
  note_marker();
}

void SessionSender::note_marker() {
  if (stage_ != Stage::draining || marker_ || outgoing_.has_returned()) return;
  if (outgoing_.taken() >= listed_) marker_ = last_batch_;
}

bool SessionSender::has_sent_everything() const {
  if (stage_ != Stage::draining || !marker_) return false;
  return in_flight_.empty() || in_flight_.begin()->first > *marker_;
}

void SessionSender::send_batch(Changes changes) {
  const std::vector<IndexOperation> operations = operations_of(changes);
  if (operations.empty()) return;
  const std::uint64_t id = ++last_batch_;
  in_flight_.emplace(id, Batch{std::move(changes), clock_.now()});
  ++statistics_.batches;
  statistics_.operations += operations.size();
  const std::weak_ptr<SessionSender*> self = self_;
  index_.apply(operations, [self, id](const Result<std::vector<Correction>>& answer) {
    if (const auto alive = self.lock()) (*alive)->on_answer(id, answer);
  });
}

std::vector<IndexOperation> SessionSender::operations_of(const Changes& changes) {
  const Instant now = clock_.now();
  std::vector<IndexOperation> operations;
  operations.reserve(changes.size());
  for (const SessionChange& change : changes) {
    if (const auto operation = operation_of(change, now)) operations.push_back(*operation);
  }
  return operations;
}

std::optional<IndexOperation> SessionSender::operation_of(const SessionChange& change,
                                                          Instant now) {
  using Kind = IndexOperation::Kind;
  const SyncNode* const node = nodes_.find(change.node);
  IndexOperation operation;
  operation.key = change.key;
  operation.other = change.other;
  switch (change.kind) {
    case SessionChange::Kind::left:
      operation.kind = Kind::left;
      operation.age = now - change.ends;
      operation.left = keep_of(node);
      return operation;
    case SessionChange::Kind::expired:
      operation.kind = Kind::expired;
      operation.age = now - change.ends;
      operation.rounding = rounding_of(node);
      return operation;
    case SessionChange::Kind::aliased:
      operation.kind = Kind::aliased;
      operation.left = change.ends - now;
      return operation;
    case SessionChange::Kind::present:
      operation.kind = Kind::present;
      break;
    case SessionChange::Kind::renewed:
      operation.kind = Kind::renewed;
      break;
  }
  if (node == nullptr) {
    ++statistics_.unknown_nodes;
    return std::nullopt;
  }
  operation.tag = node->tag;
  operation.state = change.state;
  operation.age = now - change.created;
  operation.place_age = now - change.placed;
  operation.left = change.ends - now;
  return operation;
}

void SessionSender::on_answer(std::uint64_t id, const Result<std::vector<Correction>>& answer) {
  auto sent = in_flight_.extract(id);
  if (sent.empty()) return;
  Batch& batch = sent.mapped();
  if (!answer) {
    ++statistics_.failed_batches;
    statistics_.last_error = answer.error();
    outgoing_.give_back(std::move(batch.changes));
    marker_.reset();
    return;  // with the next tick: an error may last
  }
  statistics_.last_error.clear();
  for (const Correction& correction : *answer) correct(batch, correction);
  told_of_nodes_out_ =
      told_of_nodes_out_ || std::ranges::any_of(batch.changes, [this](const SessionChange& change) {
        const SyncNode* const node = nodes_.find(change.node);
        return node != nullptr && node->rotation == SyncNode::Rotation::out;
      });
  send();
}

void SessionSender::correct(const Batch& batch, const Correction& correction) {
  const Instant now = clock_.now();
  ++statistics_.corrections;
  // Ages were counted before the answer was on its way: reckoned from the sending, an end is rather
  // too early than too late, and ends nothing that began after it.
  const Instant at = batch.sent - correction.age;
  if (correction.kind == Correction::Kind::ended) {
    return sessions_.end_remote(correction.key, at, now);
  }
  if (correction.kind == Correction::Kind::renewed) {
    const auto known = sessions_.look(correction.key, now);
    if (known && known->created > batch.sent) return;  // it has begun anew meanwhile
    return sessions_.renew_remote(correction.key, correction.other, now);
  }
  const auto slot = nodes_.slot_of(correction.tag);
  if (!slot) {
    ++statistics_.unknown_nodes;
    return;
  }
  // The index has compared both: its place is the later one, whatever the clocks say here.
  Instant placed = at;
  for (const SessionChange& change : batch.changes) {
    if (change.key == correction.key || change.other == correction.key) {
      placed = std::max(placed, change.placed + Millis{1});
    }
  }
  sessions_.place(correction.key, *slot, placed, now);
}

bool SessionSender::has_sent_all() const {
  return !more_due_ && outgoing_.waiting() == 0 && in_flight_.empty() && stage_ == Stage::none;
}

SessionIndex::Backlog SessionSender::backlog() const {
  const bool is_late =
      !in_flight_.empty() && in_flight_.begin()->second.sent + kInTime < clock_.now();
  const bool is_behind = more_due_ || outgoing_.waiting() > 0 || is_late || stage_ != Stage::none;
  return is_behind ? SessionIndex::Backlog::some : SessionIndex::Backlog::none;
}

}  // namespace bonedry::admin::cluster
