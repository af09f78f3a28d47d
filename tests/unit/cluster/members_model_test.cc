// Tests the promise of several proxies with random sequences of everything that can happen to
// members and to the store, against a model that knows every user.

#include "proxy/base/random.h"
#include "tests/support/deadline.h"
#include "tests/unit/cluster/member_rig.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace bonedry::admin::cluster::test {
namespace {

const int kSteps = bonedry::test::kSanitized ? 30'000 : 200'000;
constexpr int kCalmEvery = 400;

std::uint64_t seed() {
  const char* const wanted = std::getenv("BONEDRY_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1'182'951'521;
}

/// Members, users who choose a member anew for every click, and what the world knows of them.
class MembersModel {
 public:
  explicit MembersModel(std::uint64_t with) : random_(with) {
    for (Member& member : members_) member.start();
    pass(20);
  }

  /// Empty, or what is wrong.
  std::string step() {
    act();
    pass(static_cast<int>(random_.below(3)));
    return check();
  }

  /// All faults end; then everybody must see the same, and no door may be held.
  std::string calm_down() {
    for (Member& member : members_) {
      member.disk.full = false;
      if (member.leaves() && member.runs()) member.kill();
      if (!member.runs()) member.start();
      member.stopped = false;
      member.nodes().disk_full = false;
      member.link().link = Link::up;
    }
    pass(200);
    if (std::string wrong = check(); !wrong.empty()) return wrong;
    for (Member& member : members_) {
      if (!member.disk.memory.votes.empty()) return member.name + " still has a vote";
      for (const NodeId& node : kNodes) {
        const bool same = shares_same(record_of(member, node), record_of(members_[0], node));
        if (!same) return member.name + " sees another state of " + node.text();
        const bool awaited = record_of(member, node) && !has_users(node);
        if (awaited && !member.is_dry(node)) {
          return node.text() + " has no users and is not dry: " + member.blocked(node);
        }
        if (!record_of(member, node) && !member.nodes().admits_new(node)) {
          return node.text() + " is active, but " + member.name + " lets nobody in";
        }
      }
    }
    note("calm");
    return "";
  }

  [[nodiscard]] const std::map<std::string, int>& happened() const { return happened_; }
  [[nodiscard]] std::string lately() const {
    std::string text;
    for (const std::string& one : lately_) text += one + "\n";
    return text;
  }

 private:
  static inline const std::array<NodeId, 2> kNodes{kAlice, kBob};

  void note(const std::string& what, const std::string& who = "") {
    ++happened_[what];
    lately_.push_back(std::to_string(clock_.now().ms) + " " + what + " " + who);
    if (lately_.size() > 60) lately_.erase(lately_.begin());
  }

  static std::optional<NodeRecord> record_of(Member& member, const NodeId& node) {
    const NodeRecord* const record = find_record(member.nodes().records(), node);
    return record == nullptr ? std::nullopt : std::optional(*record);
  }

  Member& any() { return members_[random_.below(static_cast<std::uint32_t>(members_.size()))]; }
  const NodeId& any_node() { return kNodes[random_.below(2)]; }

  /// In a ledger of a member, whether or not its process runs.
  std::set<int>& users_of(Member& member, const NodeId& node) {
    return member.runs() ? member.nodes().users[node] : member.disk.users[node];
  }
  bool has_users(const NodeId& node) {
    return std::ranges::any_of(members_,
                               [&](Member& member) { return !users_of(member, node).empty(); });
  }
  bool is_alive(int user, const NodeId& node) {
    return std::ranges::any_of(
        members_, [&](Member& member) { return users_of(member, node).contains(user); });
  }

  void pass(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.advance(Millis{100});
      for (Member& member : members_) member.tick();
    }
  }

  void act() {
    switch (random_.below(21)) {
      case 0:
      case 1:
      case 2:
        return begin_user();
      case 3:
      case 4:
      case 5:
      case 6:
        return click();
      case 7:
      case 8:
      case 9:
        return leave();
      case 10:
        return change_state();
      case 11:
      case 12:
        return lose_message();
      case 13:
      case 14:
        return cut_off();
      case 15:
        return stop();
      case 16:
      case 17:
        return restart();
      case 18:
        return fill_disk();
      case 19:
        return leave_cluster();
      default:
        return random_.below(10) == 0 ? wipe() : pass(10);
    }
  }

  void begin_user() {
    Member& member = any();
    const NodeId& node = any_node();
    if (!member.serves() || !member.nodes().admits_new(node)) return;
    users_of(member, node).insert(next_user_++);
    note("new user", member.name + " " + node.text());
  }

  /// A user clicks through any member: one whose session is known to some, or one whose cookie
  /// alone is left. A member that knows nothing of the session takes it in by its cookie, unless
  /// the door is held or the node is dry there.
  void click() {
    const NodeId& node = any_node();
    std::vector<int> alive;
    for (Member& member : members_) {
      const std::set<int>& known = users_of(member, node);
      alive.insert(alive.end(), known.begin(), known.end());
    }
    const bool returns = random_.below(3) == 0;
    if (alive.empty() && !returns) return;
    const int user =
        returns ? next_user_++ : alive[random_.below(static_cast<std::uint32_t>(alive.size()))];
    Member& member = any();
    if (!member.serves()) return;
    if (!member.nodes().admits_known(node)) {
      note(member.is_dry(node) ? "moved" : "held", member.name);
      return;
    }
    users_of(member, node).insert(user);
    note(returns ? "return" : "click", member.name + " " + node.text());
  }

  /// One member's record of a session ends; with the last one, its user is gone.
  void leave() {
    const NodeId& node = any_node();
    std::set<int>& users = users_of(any(), node);
    if (users.empty()) return;
    users.erase(users.begin());
    note("session ended");
  }

  void change_state() {
    Member& member = any();
    const NodeId& node = any_node();
    if (!member.serves()) return;
    const bool out = record_of(member, node).has_value();
    std::set<std::string> ended;
    for (const Member& one : members_) ended.insert(bleed_of(one, node));
    const std::string refused = out ? member.activate(node) : member.bleed(node);
    if (out && refused.empty()) ended_bleeds_.merge(ended);
    note(refused.empty() ? out ? "activate" : "bleed" : "refused", member.name + " " + node.text());
  }

  void lose_message() {
    Member& member = any();
    if (!member.runs() || member.link().link != Link::up) return;
    const bool request = random_.below(2) == 0;
    member.link().link = request ? Link::request_lost : Link::response_lost;
    note(request ? "request lost" : "response lost", member.name);
  }

  void cut_off() {
    Member& member = any();
    if (!member.runs()) return;
    const bool up = member.link().link == Link::down;
    member.link().link = up ? Link::up : Link::down;
    note(up ? "store back" : "store lost", member.name);
    pass(static_cast<int>(random_.below(60)));
  }

  void stop() {
    Member& member = any();
    if (!member.runs()) return;
    member.stopped = !member.stopped;
    note(member.stopped ? "stopped" : "woken", member.name);
    pass(static_cast<int>(random_.below(60)));
  }

  void restart() {
    Member& member = any();
    const bool killed = member.runs();
    if (killed && random_.below(2) == 0) return;
    killed ? member.kill() : member.start();
    note(killed ? "killed" : member.runs() ? "started" : "not started", member.name);
  }

  /// As by SIGTERM.
  void leave_cluster() {
    Member& member = any();
    if (!member.serves() || random_.below(3) != 0) return;
    member.leave();
    note("leaves", member.name);
    pass(static_cast<int>(random_.below(30)));
    if (member.runs()) return;
    const bool left = member.disk.memory.roster.has_left(member.name);
    note(left ? "left" : "ended", member.name);
  }

  void fill_disk() {
    Member& member = any();
    member.disk.full = !member.disk.full;
    if (member.runs()) member.nodes().disk_full = member.disk.full;
    note(member.disk.full ? "disk full" : "disk free", member.name);
  }

  void wipe() {
    board_.wipe();
    note("store emptied");
  }

  /// No node is dry on any member while a user is on it. A member that has not heard yet that the
  /// node was activated says what was true before.
  std::string check() {
    for (Member& member : members_) {
      if (!member.runs()) continue;
      for (const NodeId& node : kNodes) {
        if (!member.is_dry(node)) continue;
        ++happened_["dry"];
        if (has_users(node) && !ended_bleeds_.contains(bleed_of(member, node))) {
          return member.name + " calls " + node.text() + " dry, but somebody is on it";
        }
      }
    }
    return "";
  }

  static std::string bleed_of(const Member& member, const NodeId& node) {
    const auto state = member.disk.memory.states.find(node);
    return state == member.disk.memory.states.end() ? "" : state->second.bleed;
  }

  Random random_;
  ManualClock clock_;
  SharedBoard board_;
  std::array<Member, 3> members_{Member{"p1", board_, clock_}, Member{"p2", board_, clock_},
                                 Member{"p3", board_, clock_}};
  std::set<std::string> ended_bleeds_;  // by activating the node
  int next_user_ = 1;
  std::map<std::string, int> happened_;
  std::vector<std::string> lately_;
};

constexpr const char* kEverything[] = {
    "new user",  "click",         "held",       "session ended", "bleed",
    "return",    "moved",         "activate",   "refused",       "dry",
    "calm",      "request lost",  "store lost", "store back",    "response lost",
    "stopped",   "woken",         "started",    "killed",        "disk full",
    "disk free", "store emptied", "leaves",     "left",          "ended",
};

TEST(MembersModelTest, NoNodeIsDryWhileAnybodyIsOnIt) {
  spdlog::set_level(spdlog::level::off);
  const std::uint64_t used = seed();
  std::cout << "BONEDRY_SEED=" << used << "\n";
  MembersModel model(used);
  for (int i = 0; i < kSteps; ++i) {
    const std::string wrong = i % kCalmEvery == kCalmEvery - 1 ? model.calm_down() : model.step();
    ASSERT_EQ(wrong, "") << "step " << i << ", BONEDRY_SEED=" << used << "\n" << model.lately();
  }
  for (const char* const what : kEverything) {
    EXPECT_GT(model.happened().count(what), 0U) << what << " never happened";
  }
  if (std::getenv("BONEDRY_TALLY") == nullptr) return;
  for (const auto& [what, times] : model.happened()) std::cout << times << " " << what << "\n";
}

}  // namespace
}  // namespace bonedry::admin::cluster::test
