#include "admin/cluster/session_sync.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

using session::NodeSlot;
using session::SessionKey;

constexpr std::size_t kMaxChanges = 1000;  // read at a time
constexpr std::size_t kMaxCleaned = 200;   // some 4 ms of the time of a small store
// For so long a displacement is told again where the store may have lost it. Later, what began on
// the node since counts there.
constexpr Millis kDisplacementKept{60'000};

}  // namespace

SessionSync::SessionSync(Settings settings, World world, SessionIndex& index,
                         session::SharedSessions& sessions, const Clock& clock,
                         io::TimerWheel& timers)
    : settings_(std::move(settings)),
      world_(std::move(world)),
      index_(index),
      sessions_(sessions),
      clock_(clock),
      nodes_(world_.nodes()),
      sender_(index, sessions, nodes_, clock, statistics_),
      timer_(timers, [this] { tick(); }),
      next_count_(clock.now()) {
  arm();
}

void SessionSync::on_connected(const std::string& run_id) {
  on_lost();  // what was asked before gets no answer
  run_id_ = run_id;
  token_ = settings_.incarnation + " " + run_id;
  stage_ = Stage::joining;
  whole_at_.reset();
  clock_offset_.reset();
  joining_ = reading_ = counting_ = cleaning_ = Asking::no;
  join();
}

void SessionSync::on_lost() {
  ++connection_;
  stage_ = Stage::lost;
  whole_at_.reset();
  for (auto& [slot, displacement] : displaced_) {
    if (displacement.told == Displacement::Told::asking) {
      displacement.told = Displacement::Told::no;
    }
  }
  for (const SessionKey& key : questions_.keys()) answer(key, session::Answer::uncertain);
  finish_takeover({TakeoverEnd::Kind::not_now, "the store is lost"});
}

void SessionSync::on_nodes_changed() {
  nodes_ = SyncNodes(world_.nodes());
  std::erase_if(counts_, [this](const auto& count) { return !nodes_.slot_of(count.first); });
}

void SessionSync::arm() {
  static_assert(kTick == io::TimerWheel::kTick);
  timer_.arm(Millis{0});  // the next tick of the wheel
}

void SessionSync::tick() {
  arm();
  check_questions();
  if (stage_ == Stage::joining) join();
  if (!has_joined()) return sender_.collect();
  sender_.tick();
  complete_if_sent();
  tell_displaced();
  read_changes();
  ask_for_more();
  if (clock_.now() >= next_count_) {
    next_count_ = clock_.now() + kCountEvery;
    on_nodes_changed();
    read_all_counts();
    clean();
  } else if (sender_.take_told_of_nodes_out()) {
    read_counts(nodes_.tags_out());
  }
}

void SessionSync::join() {
  if (joining_ == Asking::yes) return;
  joining_ = Asking::yes;
  index_.join(token_, on_this_connection<SessionIndex::Joined>(
                          [this](const auto& joined) { on_joined(joined); }));
}

void SessionSync::on_joined(const Result<SessionIndex::Joined>& joined) {
  joining_ = Asking::no;
  if (!joined) {
    statistics_.last_error = joined.error();
    return;  // again with the next tick
  }
  next_count_ = clock_.now();
  if (joined->complete) {
    stage_ = Stage::complete;
  } else {
    last_change_ = joined->last_change;
    start_again();
  }
  sender_.tick();
}

/// The index may lack what this member told it.
void SessionSync::start_again() {
  stage_ = Stage::sending;
  whole_at_.reset();
  sender_.send_everything();
  for (auto& [slot, displacement] : displaced_) displacement.told = Displacement::Told::no;
}

void SessionSync::complete_if_sent() {
  if (!sender_.has_sent_everything()) return;
  if (stage_ == Stage::complete) return sender_.finish_everything();
  if (stage_ != Stage::sending) return;
  stage_ = Stage::completing;
  index_.complete(token_, on_this_connection<Done>([this](const Result<Done>& done) {
                    if (stage_ != Stage::completing) return;
                    stage_ = done ? Stage::complete : Stage::sending;
                    if (!done) return;
                    completed_at_ = clock_.now();
                    sender_.finish_everything();
                  }));
}

void SessionSync::read_changes() {
  if (reading_ == Asking::yes) return;
  reading_ = Asking::yes;
  index_.read_changes(
      last_change_, kMaxChanges,
      on_this_connection<SessionIndex::Changes>(
          [this, asked = clock_.now()](const auto& read) { on_changes(asked, read); }));
}

void SessionSync::on_changes(Instant asked, const Result<SessionIndex::Changes>& read) {
  reading_ = Asking::no;
  if (!read) {
    statistics_.last_error = read.error();
    return;
  }
  for (const IndexChange& change : read->changes) apply(asked, change);
  statistics_.changes += read->changes.size();
  const bool is_all = read->last == last_change_;
  last_change_ = read->last;
  if (read->gap) ++statistics_.gaps;
  // What was missed shows in the answers to what is sent; and what the store takes for ended since
  // its clock was set, it then learns again.
  if (has_clock_jumped(asked, read->now) || read->gap) start_again();
  if (is_all) {
    changes_read_ = asked;
  } else if (has_joined()) {
    read_changes();
  }
}

bool SessionSync::has_clock_jumped(Instant asked, WallTime now) {
  const ClockOffset offset{now.ms - clock_.now().ms, now.ms - asked.ms};
  const auto before = std::exchange(clock_offset_, offset);
  if (!before) return false;
  return offset.least > before->most + kClockSlack.count() ||
         offset.most < before->least - kClockSlack.count();
}

void SessionSync::apply(Instant asked, const IndexChange& change) {
  const Instant now = clock_.now();
  const Instant at = asked - change.age;
  switch (change.kind) {
    case IndexChange::Kind::moved:
      if (const auto slot = slot_of(change.tag)) sessions_.place(change.key, *slot, at, now);
      return;
    case IndexChange::Kind::left:
      return sessions_.end_remote(change.key, at, now);
    case IndexChange::Kind::renewed:
      // Under the value before, a session may have begun anew since.
      if (const auto known = sessions_.look(change.key, now); known && known->created > at) return;
      return sessions_.renew_remote(change.key, change.other, now);
    case IndexChange::Kind::aliased:
      return sessions_.alias_remote(change.key, change.other, now);
  }
}

std::optional<NodeSlot> SessionSync::slot_of(NodeTag tag) {
  const auto slot = nodes_.slot_of(tag);
  if (!slot) ++statistics_.unknown_nodes;
  return slot;
}

std::optional<Millis> SessionSync::lag() const {
  if (!changes_read_) return std::nullopt;
  return clock_.now() - *changes_read_;
}

void SessionSync::read_all_counts() {
  read_counts(nodes_.tags());
}

void SessionSync::read_counts(std::vector<NodeTag> tags) {
  if (counting_ == Asking::yes) return;
  counting_ = Asking::yes;
  const Instant asked = clock_.now();
  // The list is sent before the move below takes it.
  const std::vector<NodeTag> sent = tags;
  index_.read_counts(sender_.backlog(), sent,
                     on_this_connection<SessionIndex::Counts>(
                         [this, asked, tags = std::move(tags)](const auto& counts) {
                           on_counts(asked, tags, counts);
                         }));
}

void SessionSync::on_counts(Instant asked, const std::vector<NodeTag>& tags,
                            const Result<SessionIndex::Counts>& counts) {
  counting_ = Asking::no;
  if (!counts) {
    statistics_.last_error = counts.error();
    return;
  }
  for (std::size_t i = 0; i < tags.size() && i < counts->nodes.size(); ++i) {
    const SessionIndex::Count& count = counts->nodes[i];
    counts_[tags[i]] = {count.live, count.pending, asked};
  }
  note_whole(asked, counts->complete);
}

void SessionSync::note_whole(Instant asked, const std::vector<SessionIndex::WholeMember>& members) {
  const auto find = [&members](const std::string& name) {
    return std::ranges::find(members, name, &SessionIndex::WholeMember::name);
  };
  const auto own = find(settings_.member);
  const bool is_newer = completed_at_ < asked;  // than this member's word that it has sent all
  if (stage_ == Stage::complete && is_newer && (own == members.end() || own->token != token_)) {
    return start_again();  // the index came up empty, or was emptied
  }
  // The word of a member holds for the server that it was given to: another one may have come up
  // with old data.
  const auto has_all_of = [&](const std::string& name) {
    const auto member = find(name);
    return member != members.end() && member->token.ends_with(" " + run_id_) &&
           member->heard <= kHeard;
  };
  const bool whole = stage_ == Stage::complete && std::ranges::all_of(world_.members(), has_all_of);
  whole_at_ = whole ? std::optional(asked) : std::nullopt;
}

bool SessionSync::whole() const {
  return whole_at_ && clock_.now() - *whole_at_ <= kHeard;
}

std::optional<SharedCount> SessionSync::count(NodeSlot slot) const {
  const SyncNode* const node = nodes_.find(slot);
  if (node == nullptr) return std::nullopt;
  const auto found = counts_.find(node->tag);
  if (found == counts_.end()) return std::nullopt;
  return found->second;
}

void SessionSync::clean() {
  if (cleaning_ == Asking::yes) return;
  cleaning_ = Asking::yes;
  const auto then = [this](const Result<std::size_t>& cleaned) {
    cleaning_ = Asking::no;
    if (cleaned && *cleaned >= kMaxCleaned && has_joined()) clean();
  };
  index_.clean(kMaxCleaned, nodes_.tags(), on_this_connection<std::size_t>(then));
}

void SessionSync::tell() {
  sender_.collect();
  if (has_joined()) sender_.send();
}

void SessionSync::displaced(NodeSlot slot, const std::string& occasion) {
  const SyncNode* const node = nodes_.find(slot);
  if (node == nullptr) return;
  Displacement& last = displaced_[slot];
  if (last.tag == node->tag && last.occasion == occasion) return;
  last = {node->tag, occasion, clock_.now()};
  if (has_joined()) tell_displaced();
}

void SessionSync::tell_displaced() {
  using Told = Displacement::Told;
  const Instant now = clock_.now();
  std::erase_if(displaced_, [now](const auto& entry) {
    return entry.second.told == Told::yes && entry.second.at + kDisplacementKept < now;
  });
  for (auto& [slot, displacement] : displaced_) {
    if (displacement.told != Told::no) continue;
    displacement.told = Told::asking;
    const auto then = [this, slot = slot](const Result<Done>& done) {
      const auto found = displaced_.find(slot);
      if (found != displaced_.end()) found->second.told = done ? Told::yes : Told::no;
    };
    index_.displaced(displacement.tag, displacement.occasion, now - displacement.at,
                     on_this_connection<Done>(then));
  }
}

}  // namespace bonedry::admin::cluster
