#include "admin/cluster/cluster.h"

#include "admin/cluster/peer_blocks.h"
#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin::cluster {

using balancer::NodeId;

namespace {

// Between exchanges with the board: while something is under way, and otherwise.
constexpr Millis kBusy{100};
constexpr Millis kCalm{250};
// A member that has no news says so as often, to be heard.
constexpr Millis kHeartbeat{500};
// A board that was not read for so long is lost, even if its connection still seems to be there.
constexpr Millis kLost{2'500};
// A member that starts reads the board for so long before it serves: a store that has come back
// empty, or old, has by then what the others say now.
constexpr Millis kMeeting{1'500};
// The lease counts for less than it lasts in the store, as that counted from when it was asked for.
constexpr Millis kLeaseUse{4'000};
// Statements of one start are numbered above those of the start before.
constexpr std::uint64_t kPerStart = std::uint64_t{1} << 32U;

// More names than that on the board are not of members.
constexpr std::size_t kMaxMembers = 256;

constexpr std::string_view kTokenSeparator = ":";

std::string name_in_token(const std::string& token) {
  return token.substr(0, token.rfind(kTokenSeparator));
}

}  // namespace

Cluster::Cluster(Parts parts, conf::Cluster config, Memory memory)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      incarnation_(parts_.random()),
      since_(parts_.clock.wall()),
      memory_(std::move(memory)),
      saved_votes_(memory_.votes),
      others_(config_.silent_after),
      rounds_(
          {[this](const NodeId& node) { return parts_.nodes.blocked_by(node); }, parts_.random}),
      takeovers_(parts_.take_over),
      longest_session_(
          [this](std::string_view pool) { return parts_.nodes.longest_session(pool); }) {}

Result<> Cluster::start(Begin begin) {
  if (memory_.id.empty()) memory_.id = parts_.random();
  ++memory_.starts;
  sequence_ = memory_.starts * kPerStart;
  const Result<> saved = parts_.file.save(memory_);
  if (!saved) return saved;
  if (begin == Begin::as_member && memory_.roster.is_present(config_.name)) stage_ = Stage::member;
  rounds_.restore(memory_.votes);
  pools_ = parts_.nodes.pools();
  recover();
  NodeIds held;
  for (const auto& [node, vote] : memory_.votes) held.push_back(node);
  if (!held.empty()) parts_.nodes.hold(held, [] {});
  parts_.nodes.publish();  // the others wait until this member routes by what it knows
  return Done{};
}

/// What was changed while this proxy was no member, or just before it was killed. A node that the
/// members know as out of rotation, and this member's records as active, may be one that its config
/// had not: it is out of rotation. An activation that was saved by halves is lost by that, which
/// nobody was told to have succeeded.
void Cluster::recover() {
  NodeIds out;
  for (const auto& [node, record] : parts_.nodes.records()) out.push_back(node);
  LocalNodes::Decisions decisions;
  for (const auto& [node, state] : memory_.states) {
    const bool here = find_record(parts_.nodes.records(), node) != nullptr;
    if (state.record && !here && parts_.nodes.has(node)) decisions.emplace(node, state.record);
  }
  note_change(out, parts_.nodes.records());
  if (!decisions.empty()) apply(decisions);
}

Result<> Cluster::start_alone(const std::string& by) {
  if (stage_ != Stage::meeting) return Failure{std::string("this member serves already")};
  stage_ = Stage::alone;
  parts_.events.warn("member", "", "started without the other members" + who(by, ""));
  return Done{};
}

void Cluster::tick() {
  const Instant now = parts_.clock.now();
  const bool busy =
      said_ == Said::no || !waits_.empty() || !rounds_.votes().empty() || !rounds_.led().empty();
  const bool due = now - exchanged_ >= (busy ? kBusy : kCalm);
  if (due && exchanging_ == Exchanging::no && parts_.board.is_there()) exchange();
  if (stage_ == Stage::meeting) return;
  note_silence();
  forget_fenced();
  retract_contradicted();
  go_on();
  complete_waits();
  if (stage_ == Stage::leaving || stage_ == Stage::left) go_on_leaving();
}

// -- Saying and hearing ---------------------------------------------------------------------------

void Cluster::exchange() {
  const Instant now = parts_.clock.now();
  using Lease = Board::Lease;
  Board::Post post{config_.name, "", config_.name + std::string(kTokenSeparator) + incarnation_,
                   Lease::leave};
  if (takes_part()) post.lease = stage_ == Stage::member ? Lease::take : Lease::release;
  // What is not on the disk is not said.
  const bool saved = (unsaved_.empty() && records_ == Records::saved) || save();
  const bool speaks = takes_part() && problem_.empty() && saved;
  if (speaks && (said_ == Said::no || now - said_at_ >= kHeartbeat)) {
    post.text = seal(make_statement(), parts_.secrets);
    said_ = Said::yes;
    said_at_ = now;
  }
  exchanged_ = now;
  exchanging_ = Exchanging::yes;
  const bool says = !post.text.empty();
  parts_.board.exchange(post, [this, now, says](const Result<Board::Reading>& reading) {
    exchanging_ = Exchanging::no;
    if (!parts_.nodes.decides()) return;  // another process of this member does, since just now
    if (reading && says) parts_.in_contact(now);
    read(reading, now);
  });
}

Statement Cluster::make_statement() {
  pools_ = parts_.nodes.pools();
  Statement statement;
  statement.name = config_.name;
  statement.id = memory_.id;
  statement.incarnation = incarnation_;
  statement.sequence = ++sequence_;
  statement.program = BONEDRY_VERSION;
  statement.since = since_;
  statement.sessions = parts_.nodes.sessions();
  statement.fence = config_.forget_after;
  statement.pools = pools_;
  statement.whole = parts_.whole();
  statement.roster = memory_.roster;
  statement.states = memory_.states;
  for (const auto& [node, state] : memory_.states) {
    const auto routed = routed_.find(node);
    NodeLook look{routed == routed_.end() ? VersionVector() : routed->second, {}, {}};
    if (state.record) {
      look.blocked = parts_.nodes.blocked_by(node);
      look.outlook = parts_.nodes.outlook(node);
    }
    statement.looks.emplace(node, std::move(look));
  }
  statement.votes = saved_votes_;
  statement.refused.assign(rounds_.refused().begin(), rounds_.refused().end());
  statement.rounds = rounds_.led();
  statement.off.assign(rounds_.called_off().begin(), rounds_.called_off().end());
  if (stage_ == Stage::leaving) statement.leaving = parts_.everything_sent();
  statement.takeovers = takeovers_.takeovers();
  return statement;
}

void Cluster::read(const Result<Board::Reading>& reading, Instant asked) {
  if (!reading) {
    said_ = Said::no;  // what was said may not have arrived
    return;
  }
  const Instant now = parts_.clock.now();
  const bool same_board = run_ == reading->run && read_ && now - *read_ <= kLost;
  if (!same_board || !reads_since_) reads_since_ = now;
  read_ = now;
  run_ = reading->run;
  leader_ = name_in_token(reading->holder);
  const bool mine = reading->holder == config_.name + std::string(kTokenSeparator) + incarnation_;
  lease_until_ = mine ? asked + kLeaseUse : Instant{};
  note_statements(*reading);
  if (merge_rosters()) say_soon();
  belong();
  if (stage_ == Stage::meeting) return;
  merge_states();
  go_on();
  complete_waits();
}

void Cluster::note_statements(const Board::Reading& reading) {
  const auto is_gone = [&reading](const auto& entry) {
    return !reading.statements.contains(entry.first);
  };
  std::erase_if(read_texts_, is_gone);
  std::erase_if(strangers_, is_gone);
  std::size_t members = 0;
  for (const auto& [name, text] : reading.statements) {
    if (++members > kMaxMembers) break;
    if (const auto before = read_texts_.find(name); before != read_texts_.end()) {
      if (before->second == text) continue;
    }
    read_texts_[name] = text;
    Result<Statement> statement = unseal(text, parts_.secrets);
    if (!statement || statement->name != name) {
      if (name != config_.name || !takes_part()) {
        note_stranger(name, statement ? "its statement is that of another" : statement.error());
      }
      continue;
    }
    strangers_.erase(name);
    if (name == config_.name) {
      note_own(*statement);
      continue;
    }
    const bool silent = silent_.contains(name);
    if (!others_.note(std::move(*statement), parts_.clock.now()) || !silent) continue;
    silent_.erase(name);
    parts_.events.add("member", "", name + " is heard again");
  }
}

/// What is on the board under the name of this member.
void Cluster::note_own(const Statement& statement) {
  // Of another state directory that has this name: the roster says whose it is.
  if (statement.id != memory_.id) {
    memory_.roster.merge(statement.roster);
    return;
  }
  if (statement.incarnation == incarnation_) {
    const bool here = statement.roster.is_present(config_.name);
    left_said_ = here ? LeftSaid::no : LeftSaid::yes;
    return;
  }
  if (statement.sequence < sequence_) return;
  // The directory was restored from a copy: to the others, what this process says would be old.
  memory_.starts = statement.sequence / kPerStart + 1;
  sequence_ = memory_.starts * kPerStart;
  (void)save();
}

void Cluster::note_stranger(const std::string& name, const std::string& problem) {
  std::string& known = strangers_[name];
  if (known == problem) return;
  known = problem;
  parts_.events.warn("member", "", "member " + name + " cannot be understood: " + problem);
}

/// Decisions of others, in force here, and on this disk before this member says that it knows them.
/// Nodes that a reload has brought get what was decided about them before.
void Cluster::merge_states() {
  SharedStates next = memory_.states;
  for (const auto& [name, member] : others_.all()) {
    // The last statement of a member that has ended itself holds: it may be the only one that knows
    // what was answered to an operator.
    const bool is_last = member.statement.roster.has_ended(name);
    if (!memory_.roster.is_present(name) && !is_last) continue;
    for (const auto& [node, theirs] : member.statement.states) {
      const auto [mine, added] = next.try_emplace(node, theirs);
      if (!added) mine->second = merge(mine->second, theirs);
    }
  }
  LocalNodes::Decisions decisions;
  for (const auto& [node, state] : next) decisions.emplace(node, state.record);
  apply(decisions);
  if (next == memory_.states) return;
  memory_.states = std::move(next);
  (void)save();
  // What did not change here needs no publishing; the workers route by the rest when they have it.
  parts_.nodes.publish();
  say_soon();
}

/// All that is on the board is known now. Enters this member into the roster, unless its name
/// belongs to another state directory.
void Cluster::belong() {
  if (!memory_.roster.admits(config_.name, memory_.id)) {
    const std::string problem = "the name " + config_.name +
                                " belongs to the state directory of another member; give this one "
                                "another [cluster] name, or let the others forget that member";
    if (std::exchange(problem_, problem) != problem) parts_.events.error("", problem);
    return;
  }
  problem_.clear();
  if (!met_since_) met_since_ = parts_.clock.now();
  if (stage_ == Stage::meeting && parts_.clock.now() - *met_since_ < kMeeting) return;
  if (stage_ > Stage::member) return;
  if (stage_ == Stage::member && memory_.roster.is_present(config_.name)) return;
  if (stage_ == Stage::member) {
    parts_.events.warn("member", "", "this member was forgotten, but is there; it joins again");
  }
  if (memory_.roster.has_left(config_.name)) memory_.trust = Trust::store;
  memory_.roster.enter(config_.name, memory_.id);
  if (!save()) return;
  stage_ = Stage::member;
  parts_.events.add(
      "cluster", "",
      "member " + config_.name + " of the cluster of " + joined(memory_.roster.present()));
  say_soon();
}

// -- Dryness --------------------------------------------------------------------------------------

View Cluster::view() const {
  const bool lost = is_lost();
  const Instant now = parts_.clock.now();
  return {now,
          parts_.clock.wall(),
          config_.name,
          incarnation_,
          config_.members,
          memory_.roster,
          others_,
          memory_.states,
          pools_,
          lost ? std::string() : run_,
          parts_.whole(),
          lost ? std::string() : leader_,
          !lost && now < lease_until_ ? Leading::yes : Leading::no,
          longest_session_};
}

void Cluster::go_on() {
  apply_round_changes(rounds_.step(view(), memory_.states));
  if (stage_ != Stage::member) return;
  if (takeovers_.step(view()) == TakeoverKeeper::Said::other) say_soon();
}

void Cluster::apply_round_changes(const DrynessRounds::Changes& changes) {
  using Changes = DrynessRounds::Changes;
  if (changes.said == Changes::Said::other) say_soon();
  LocalNodes::Decisions decisions;
  for (const NodeId& node : changes.states) decisions[node] = memory_.states.at(node).record;
  if (!decisions.empty()) {
    apply(decisions);
    parts_.nodes.publish();  // the others wait until this member routes by the new versions
  }
  if (changes.own == Changes::Own::votes || !decisions.empty()) {
    memory_.votes = rounds_.answers();
    (void)save();
  }
  if (!changes.hold.empty()) {
    parts_.nodes.hold(changes.hold, [this, nodes = changes.hold] {
      if (!parts_.nodes.decides()) return;
      for (const NodeId& node : nodes) rounds_.note_held(node);
      go_on();
    });
  }
  if (!changes.release.empty()) parts_.nodes.release(changes.release);
}

/// A node that was announced dry gets no users; one that has some was opened behind the back of the
/// others, or a member came back that had been forgotten.
void Cluster::retract_contradicted() {
  if (memory_.trust == Trust::store) {
    if (run_.empty() || parts_.whole() != run_) return;
    memory_.trust = Trust::ledger;
    (void)save();
  }
  for (const auto& [node, state] : SharedStates(memory_.states)) {
    if (state.stage != DryStage::announced || !parts_.nodes.has_sessions(node)) continue;
    parts_.events.error(node.text(),
                        "it was called dry, but users are on it here; it is treated as not dry");
    parts_.nodes.retract_dryness(node);
  }
}

// -- Peers ----------------------------------------------------------------------------------------

bool Cluster::is_lost() const {
  return !parts_.board.is_there() || !read_ || parts_.clock.now() - *read_ > kLost;
}

std::string Cluster::cannot_change() const {
  if (!problem_.empty()) return problem_;
  if (stage_ > Stage::member) return "this member leaves the cluster; give the command to another";
  if (stage_ != Stage::member || is_lost()) {
    const std::string why = parts_.board.why_lost();
    return "the store of the cluster is lost" + (why.empty() ? "" : " (" + why + ")") +
           ", so the other members cannot be told; --local changes it on this member alone";
  }
  return "";
}

void Cluster::note_change(const NodeIds& nodes, const NodeRecords& records) {
  bool changed = false;
  for (const NodeId& node : nodes) {
    const auto found = records.find(node);
    const std::optional<NodeRecord> record =
        found == records.end() ? std::nullopt : std::optional(found->second);
    const auto known = memory_.states.find(node);
    const std::optional<NodeRecord> before =
        known == memory_.states.end() ? std::nullopt : known->second.record;
    if (shares_same(before, record)) continue;
    SharedState& state = memory_.states[node];
    state.version.advance(config_.name);
    if (!record) state.bleed.clear();
    if (record && !before) state.bleed = parts_.random();
    const bool dry = record && record->dry == Dry::yes;
    const bool kept = dry && before && state.stage == DryStage::announced;
    state.record = record;
    if (!kept) {
      state.stage = dry ? DryStage::announced : DryStage::none;
      state.round.clear();
    }
    changed = true;
  }
  if (!changed) return;
  (void)save();
  say_soon();
}

bool Cluster::leads() const {
  return !is_lost() && parts_.clock.now() < lease_until_;
}

std::vector<std::string> Cluster::blocked_by(const NodeId& node) const {
  std::vector<std::string> texts = blocked_by_peers(view(), node);
  for (const auto& [name, problem] : strangers_) {
    if (memory_.roster.is_present(name)) texts.push_back(name + ": " + problem);
  }
  if (rounds_.is_asked(node)) texts.emplace_back("the members are agreeing that it is dry");
  return texts;
}

Cluster::Versions Cluster::versions() const {
  Versions versions;
  for (const auto& [node, state] : memory_.states) versions.emplace(node, state.version);
  return versions;
}

void Cluster::note_routed(Versions versions, std::function<void()> then) {
  routed_ = versions;
  say_soon();
  if (all_route(versions)) return then();
  waits_.push_back({std::move(versions), std::move(then)});
}

void Cluster::complete_waits() {
  std::list<Wait> done;
  for (auto wait = waits_.begin(); wait != waits_.end();) {
    const auto next = std::next(wait);
    if (all_route(wait->versions)) done.splice(done.end(), waits_, wait);
    wait = next;
  }
  for (const Wait& wait : done) wait.then();
}

bool Cluster::all_route(const Versions& versions) const {
  if (!takes_part() || is_lost()) return true;
  for (const auto& [name, member] : others_.all()) {
    if (!memory_.roster.is_present(name)) continue;
    if (others_.is_silent(member, parts_.clock.now())) continue;
    const auto& looks = member.statement.looks;
    const bool behind = std::ranges::any_of(versions, [&looks](const auto& wanted) {
      const auto look = looks.find(wanted.first);
      return look == looks.end() || !covers(look->second.version, wanted.second);
    });
    if (behind) return false;
  }
  return true;
}

std::string Cluster::bleed_of(const NodeId& node) const {
  const auto state = memory_.states.find(node);
  return state == memory_.states.end() ? "" : state->second.bleed;
}

void Cluster::apply(const LocalNodes::Decisions& decisions) {
  if (!parts_.nodes.apply(decisions)) records_ = Records::unsaved;
}

/// The records first: at a start, records that are not as the memory says are a change that was
/// made here.
bool Cluster::save() {
  Result<> saved = records_ == Records::unsaved ? parts_.nodes.save() : Result<>(Done{});
  if (saved) records_ = Records::saved;
  if (saved) saved = parts_.file.save(memory_);
  if (saved) saved_votes_ = memory_.votes;
  const std::string problem = saved ? "" : saved.error();
  if (std::exchange(unsaved_, problem) != problem && !saved) {
    parts_.events.error("",
                        "cannot save what the members of the cluster know and agree on, so this "
                        "member says nothing to them: " +
                            problem);
  }
  return saved.has_value();
}

}  // namespace bonedry::admin::cluster
