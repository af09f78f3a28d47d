#include "tests/unit/cluster/member_rig.h"

#include "admin/phrases.h"

#include <utility>

namespace bonedry::admin::cluster::test {

void SharedBoard::wipe() {
  statements.clear();
  index.clear();
  holder.clear();
  ++run;
}

Board::Reading BoardLink::apply(const Post& post) {
  if (!post.text.empty()) board_.statements[post.name] = post.text;
  if (clock_.now() > board_.held_until) board_.holder.clear();
  const bool free = board_.holder.empty() || board_.holder == post.token;
  if (post.lease == Lease::release && free) board_.holder.clear();
  if (post.lease == Lease::take && free) {
    board_.holder = post.token;
    board_.held_until = clock_.now() + kLease;
  }
  return {board_.statements, board_.holder, std::to_string(board_.run)};
}

void BoardLink::exchange(const Post& post, std::function<void(Result<Reading>)> done) {
  answers_.push_back([this, post, done = std::move(done)] {
    const Link now = link;
    if (now == Link::request_lost || now == Link::response_lost) link = Link::up;
    const bool arrives = now == Link::up || now == Link::response_lost;
    const auto reading = arrives ? std::optional(apply(post)) : std::nullopt;
    done(now == Link::up ? Result<Reading>(*reading) : Failure{std::string("lost")});
  });
}

void BoardLink::deliver() {
  for (const auto& answer : std::exchange(answers_, {})) answer();
}

Result<> ModelNodes::put(NodeRecords next) {
  if (disk_full) return Failure{std::string("the disk is full")};
  disk_ = next;
  records_ = std::move(next);
  return Done{};
}

Result<> ModelNodes::apply(const Decisions& decisions) {
  NodeRecords next = records_;
  NodeIds changed;
  for (const auto& [node, record] : decisions) {
    if (!has(node)) continue;
    const auto mine = next.find(node);
    const std::optional<NodeRecord> before =
        mine == next.end() ? std::nullopt : std::optional(mine->second);
    if (shares_same(before, record)) continue;
    changed.push_back(node);
    record ? void(next[node] = *record) : void(next.erase(node));
  }
  if (changed.empty()) return Done{};
  records_ = std::move(next);
  for (const NodeId& node : changed) changed_in_[node] = version_ + 1;
  publish([] {});
  return save();
}

Result<> ModelNodes::save() {
  return put(records_);
}

void ModelNodes::change(const NodeId& node, std::optional<NodeRecord> record,
                        std::function<void()> then) {
  NodeRecords next = records_;
  record ? void(next[node] = *record) : void(next.erase(node));
  if (!put(std::move(next))) return;
  changed_in_[node] = version_ + 1;
  cluster->note_change({node}, records_);
  publish(std::move(then));
}

void ModelNodes::retract_dryness(const NodeId& node) {
  NodeRecord record = records_.at(node);
  record.dry = Dry::no;
  change(node, record, [] {});
}

void ModelNodes::publish(std::function<void()> then) {
  const std::uint64_t version = ++version_;
  acknowledgements_.push_back(
      [this, version, held = held_, versions = cluster->versions(), then = std::move(then)] {
        held_by_workers_ = held;
        cluster->note_routed(versions, [this, version, then] {
          acknowledged_ = std::max(acknowledged_, version);
          then();
        });
      });
}

void ModelNodes::deliver() {
  for (const auto& acknowledged : std::exchange(acknowledgements_, {})) acknowledged();
}

void ModelNodes::hold(const NodeIds& which, std::function<void()> held) {
  held_.insert(which.begin(), which.end());
  publish(std::move(held));
}

void ModelNodes::release(const NodeIds& which) {
  for (const NodeId& node : which) held_.erase(node);
  publish([] {});
}

bool ModelNodes::has_sessions(const NodeId& node) const {
  const auto found = users.find(node);
  return found != users.end() && !found->second.empty();
}

std::vector<std::string> ModelNodes::blocked_by(const NodeId& node) const {
  std::vector<std::string> reasons;
  if (has_sessions(node)) reasons.push_back(std::to_string(users.at(node).size()) + " live");
  const auto changed = changed_in_.find(node);
  if (changed != changed_in_.end() && changed->second > acknowledged_) {
    reasons.emplace_back("workers have not yet applied the new state");
  }
  return reasons;
}

bool ModelNodes::admits_known(const NodeId& node) const {
  const NodeRecord* const record = find_record(records_, node);
  const bool shut = record != nullptr && record->dry == Dry::yes;
  return !shut && !held_by_workers_.contains(node);
}

bool ModelNodes::admits_new(const NodeId& node) const {
  const auto changed = changed_in_.find(node);
  const bool known = changed == changed_in_.end() || changed->second <= acknowledged_;
  return find_record(records_, node) == nullptr && known && admits_known(node);
}

Result<> Disk::save(const Memory& next) {
  if (full) return Failure{std::string("the disk is full")};
  memory = next;
  return Done{};
}

bool ModelNodes::take_in(const Users& theirs) {
  for (const auto& [node, some] : theirs) {
    if (!some.empty() && held_.contains(node)) return false;
  }
  for (const auto& [node, some] : theirs) {
    const NodeRecord* const record = find_record(records_, node);
    if (record == nullptr || record->dry == Dry::no) users[node].insert(some.begin(), some.end());
  }
  return true;
}

/// The token names the run of the store, as everybody has to send everything to a new one.
std::string Member::everything_sent() const {
  const auto sent = board_.index.find(name);
  const bool all = sent != board_.index.end() && sent->second == process_->nodes.users;
  return all ? name + std::to_string(disk.memory.starts) + " " + std::to_string(board_.run) : "";
}

void Member::Process::take_over(SharedBoard& board) {
  if (!taking_over || member_.takes_over == TakesOver::later) return;
  const auto sent = board.index.find(taking_over->name);
  const bool there = sent != board.index.end() && link.link == Link::up &&
                     taking_over->token.ends_with(" " + std::to_string(board.run));
  if (there && !nodes.take_in(sent->second)) return;
  if (there) board.index[member_.name] = nodes.users;  // as the script does
  const bool fails = std::exchange(member_.takes_over, TakesOver::now) == TakesOver::after_failing;
  const auto done = std::exchange(taking_over, std::nullopt)->done;
  if (!there || fails) return done({TakeoverEnd::Kind::not_now, "lost"});
  done({});
}

Member::Process::Process(Member& member, SharedBoard& board, const Clock& clock)
    : member_(member),
      events(clock),
      link(board, clock),
      nodes(member.disk.records),
      cluster(
          [&] {
            Cluster::Parts parts{clock,          events, member.disk, link, nodes,
                                 member.secrets, {},     {},          {},   {}};
            parts.everything_sent = [&member] { return member.everything_sent(); };
            parts.take_over = [this](const auto& leaver, const auto& token, auto done) {
              taking_over.emplace(TakingOver{leaver, token, std::move(done)});
            };
            parts.whole = [&member, &board] {
              return member.whole == "follow" ? std::to_string(board.run) : member.whole;
            };
            parts.random = [] {
              static std::uint64_t next = 0;
              return "id" + std::to_string(++next);
            };
            parts.in_contact = [&member](Instant at) { member.fence = at + member.forget_after; };
            return parts;
          }(),
          [&] {
            conf::Cluster config;
            config.name = member.name;
            config.members = member.members_wanted;
            config.forget_after = member.forget_after;
            return config;
          }(),
          member.disk.memory) {
  nodes.cluster = &cluster;
  nodes.users = member.disk.users;
}

Member::Member(std::string member_name, SharedBoard& board, const Clock& clock)
    : name(std::move(member_name)), board_(board), clock_(clock) {}

void Member::leave() {
  leaving_ = true;
  cluster().leave();
}

void Member::start() {
  leaving_ = false;
  process_ = std::make_unique<Process>(*this, board_, clock_);
  if (!process_->cluster.start(Cluster::Begin::meeting)) return process_.reset();
  nodes().deliver();
}

void Member::kill() {
  disk.users = nodes().users;
  process_.reset();
  stopped = false;
}

std::string Member::events() const {
  std::string text;
  for (const Event& event : process_->events.recent()) text += event.text + "\n";
  return text;
}

void Member::tick() {
  if (!runs() || stopped) return;
  if (link().link == Link::up) board_.index[name] = nodes().users;
  process_->take_over(board_);
  nodes().deliver();
  cluster().tick();
  nodes().deliver();
  link().deliver();
  if (!leaving_ || !cluster().may_end()) return;
  kill();
  // Another member has them now, whatever is still on this disk.
  if (disk.memory.roster.has_left(name)) disk.users.clear();
}

std::string Member::blocked(const NodeId& node) {
  std::vector<std::string> reasons = nodes().blocked_by(node);
  for (std::string& one : cluster().blocked_by(node)) reasons.push_back(std::move(one));
  return joined(reasons);
}

std::string Member::bleed(const NodeId& node) {
  const std::string why = cluster().cannot_change();
  if (!why.empty()) return why;
  if (find_record(nodes().records(), node) != nullptr) return "it is out of rotation";
  NodeRecord record;
  record.since = clock_.wall();
  record.by = name;
  nodes().change(node, record, [] {});
  return "";
}

std::string Member::activate(const NodeId& node) {
  const std::string why = cluster().cannot_change();
  if (!why.empty()) return why;
  nodes().change(node, std::nullopt, [] {});
  return "";
}

bool Member::is_dry(const NodeId& node) {
  const NodeRecord* const record = find_record(nodes().records(), node);
  return record != nullptr && record->dry == Dry::yes;
}

}  // namespace bonedry::admin::cluster::test
