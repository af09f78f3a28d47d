// Compares the ledger with a model that is too simple to be wrong.

#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace bonedry::session {
namespace {

using test::figures;
using test::key_of;

constexpr std::size_t kModelNodes = 4;
constexpr int kSteps = 100'000;
constexpr std::uint64_t kModelUsers = 200;

// Time-outs end in 50 ms and steps are multiples of 100 ms, so no session expires exactly at a
// step. What the ledger may do up to a tick late is therefore done by the next step.
constexpr Millis kStep{100};
constexpr std::array<SessionTimes, kModelNodes> kModelTimes{{
    {Millis{60'050}, Millis{30'050}, Millis{300'050}},
    {Millis{30'050}, Millis{60'050}, Millis{200'050}},
    {Millis{500'050}, Millis{500'050}, Millis{1'000'050}},
    {Millis{5'050}, Millis{1'050}, Millis{20'050}},
}};

/// The facts about one session, without how they are stored.
struct Plain {
  NodeSlot node = 0;
  SessionState state = SessionState::pending;
  CookieFingerprint fingerprint = 0;
  Instant created;
  Instant last;
  int open = 0;
  bool displaced = false;
};

class Model {
 public:
  void expire(Instant now) {
    std::erase_if(sessions, [this, now](const auto& one) { return over(one.second, now); });
  }

  /// Finds a session as `open`, `open_verified` and `begin` do.
  Plain* find(std::uint64_t user, Instant now) {
    const auto found = sessions.find(user);
    if (found == sessions.end()) return nullptr;
    if (!over(found->second, now)) return &found->second;
    sessions.erase(found);
    return nullptr;
  }

  void displace(NodeSlot node) {
    for (auto& [user, session] : sessions) {
      if (session.node == node) session.displaced = true;
    }
  }

  [[nodiscard]] std::string figures(NodeSlot node) const {
    int live = 0;
    int pending = 0;
    for (const auto& [user, session] : sessions) {
      if (session.node != node || session.displaced) continue;
      ++(session.state == SessionState::live ? live : pending);
    }
    return std::to_string(live) + " live, " + std::to_string(pending) + " pending";
  }

  std::map<std::uint64_t, Plain> sessions;
  std::array<SessionTimes, kModelNodes> times = kModelTimes;

 private:
  [[nodiscard]] bool over(const Plain& session, Instant now) const {
    if (session.open > 0) return false;
    const SessionTimes& limits = times[session.node];
    const Millis idle = session.state == SessionState::live ? limits.idle : limits.pending;
    return now >= session.last + idle || now >= session.created + limits.lifetime;
  }
};

/// Applies the same steps to both.
class Duel {
 public:
  Duel(std::size_t capacity, std::uint64_t seed) : random_(seed), ledger_(capacity, now_) {
    for (std::size_t i = 0; i < kModelNodes; ++i) {
      slots_.push_back(ledger_.slot_of("shop/" + std::to_string(i)));
      ledger_.set_times(slots_[i], kModelTimes[i]);
    }
  }

  /// Returns the first difference; empty if there is none.
  std::string step() {
    now_ = now_ + kStep * pick(1, 8);
    while (ledger_.sweep(now_)) continue;
    model_.expire(now_);
    if (const std::string difference = compare(); !difference.empty())
      return "sweep: " + difference;
    const std::string done = act();
    const std::string difference = wrong_.empty() ? compare() : wrong_;
    return difference.empty() ? "" : done + ": " + difference;
  }

  /// Closes everything and lets it expire.
  std::string finish() {
    while (!held_.empty()) close();
    now_ = now_ + std::chrono::hours{1};
    while (ledger_.sweep(now_)) continue;
    model_.expire(now_);
    if (!model_.sessions.empty()) return "the model is wrong";
    return compare();
  }

 private:
  struct Held {
    std::uint64_t user;
    SessionRef ref;
    NodeSlot node;  ///< the session's node when it was opened
    bool ended = false;
  };

  std::int64_t pick(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(random_);
  }
  std::uint64_t user() { return static_cast<std::uint64_t>(pick(0, kModelUsers - 1)); }
  NodeSlot node() { return slots_[static_cast<std::size_t>(pick(0, kModelNodes - 1))]; }

  std::string compare() {
    for (const NodeSlot slot : slots_) {
      const std::string is = figures(ledger_, slot);
      const std::string should = model_.figures(slot);
      if (is != should) {
        return "node " + std::to_string(slot) + " has " + is + ", should have " + should;
      }
    }
    const std::uint64_t is = ledger_.totals().sessions;
    if (is == model_.sessions.size()) return "";
    return std::to_string(is) + " sessions, should be " + std::to_string(model_.sessions.size());
  }

  std::string act() {
    const std::int64_t dice = pick(0, 999);
    if (dice < 250) return begin();
    if (dice < 500) return open();
    if (dice < 560) return open_verified();
    if (dice < 860) return close();
    if (dice < 950) return move();
    if (dice < 970) return set_cookie_fingerprint();
    if (dice < 985) return end();
    if (dice < 995) return displace();
    return set_times();
  }

  void hold(std::uint64_t who, Plain& session, const OpenedSession& opened) {
    if (opened.node != session.node) wrong_ = "it is on another node";
    if (opened.displaced != session.displaced) wrong_ = "it differs in being displaced";
    if (opened.created != session.created) wrong_ = "it differs in when it was created";
    session.last = std::max(session.last, now_);
    ++session.open;
    held_.push_back({who, opened.ref, opened.node, false});
  }

  std::string begin() {
    const std::uint64_t who = user();
    const NodeSlot where = node();
    const SessionState state = pick(0, 1) == 0 ? SessionState::pending : SessionState::live;
    const Instant created = now_ - kStep * pick(0, 30);
    const auto check = static_cast<CookieFingerprint>(pick(0, 2));
    const OpenedSession opened = ledger_.begin(key_of(who), check, where, state, created, now_);
    Plain* session = model_.find(who, now_);
    if (session != nullptr) {
      session->state = SessionState::live;
    } else {
      session = &model_.sessions[who];
      *session = {where, state, check, created, now_, 0, false};
    }
    hold(who, *session, opened);
    return "begin " + std::to_string(who);
  }

  std::string open() {
    const std::uint64_t who = user();
    const auto check = static_cast<CookieFingerprint>(pick(0, 2));
    const Ledger::Lookup lookup = ledger_.open(key_of(who), check, now_);
    Plain* const session = model_.find(who, now_);
    const bool fits = session != nullptr && session->fingerprint == check;
    if (lookup.opened.has_value() != fits) {
      wrong_ = fits ? "it was not found" : "it should not be found";
    } else if (fits) {
      session->state = SessionState::live;
      hold(who, *session, *lookup.opened);
    } else if ((lookup.miss == Ledger::Miss::mismatch) != (session != nullptr)) {
      wrong_ = "it was missed for the wrong reason";
    }
    return "open " + std::to_string(who);
  }

  std::string open_verified() {
    const std::uint64_t who = user();
    const auto opened = ledger_.open_verified(key_of(who), now_);
    Plain* const session = model_.find(who, now_);
    if (opened.has_value() != (session != nullptr)) {
      wrong_ = opened ? "it should not be found" : "it was not found";
    } else if (opened) {
      session->state = SessionState::live;
      hold(who, *session, *opened);
    }
    return "open verified " + std::to_string(who);
  }

  std::string close() {
    if (held_.empty()) return "nothing";
    const auto at = held_.begin() + pick(0, static_cast<std::int64_t>(held_.size()) - 1);
    const Held one = *at;
    held_.erase(at);
    ledger_.close(one.ref, now_);
    if (one.ended) return "close an ended " + std::to_string(one.user);
    Plain& session = model_.sessions.at(one.user);
    session.last = std::max(session.last, now_);
    --session.open;
    return "close " + std::to_string(one.user);
  }

  std::string move() {
    if (held_.empty()) return "nothing";
    Held& one =
        held_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(held_.size()) - 1))];
    const NodeSlot to = node();
    const NodeSlot there = ledger_.move(one.ref, one.node, to).node;
    if (one.ended) {
      if (there != to) wrong_ = "an ended one is still somewhere";
      return "move an ended " + std::to_string(one.user);
    }
    Plain& session = model_.sessions.at(one.user);
    if (session.displaced || session.node == one.node) {
      session.node = to;
      session.displaced = false;
    }
    if (there != session.node) wrong_ = "it was put on another node";
    one.node = there;
    return "move " + std::to_string(one.user);
  }

  std::string set_cookie_fingerprint() {
    if (held_.empty()) return "nothing";
    const Held& one = held_.back();
    const auto check = static_cast<CookieFingerprint>(pick(0, 2));
    ledger_.set_cookie_fingerprint(one.ref, check);
    if (one.ended) return "reseal an ended " + std::to_string(one.user);
    model_.sessions.at(one.user).fingerprint = check;
    return "reseal " + std::to_string(one.user);
  }

  std::string end() {
    if (held_.empty()) return "nothing";
    const Held one =
        held_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(held_.size()) - 1))];
    ledger_.end(one.ref);
    if (!one.ended) forget(one.user);
    return "end " + std::to_string(one.user);
  }

  /// Forgets the session: a later one of the same user is a different session.
  void forget(std::uint64_t who) {
    model_.sessions.erase(who);
    for (Held& held : held_) held.ended = held.ended || held.user == who;
  }

  std::string displace() {
    const NodeSlot where = node();
    const std::string before = model_.figures(where);
    const auto counts = ledger_.counts(where).read();
    if (ledger_.displace(where) != static_cast<std::uint64_t>(counts.all())) {
      wrong_ = "it displaced another number than it counted";
    }
    model_.displace(where);
    return "displace " + std::to_string(where);
  }

  std::string set_times() {
    const NodeSlot where = node();
    SessionTimes times = kModelTimes[where];
    const std::int64_t factor = pick(1, 3);
    times.idle = Millis{(times.idle.count() - 50) * factor / 2 / 100 * 100 + 50};
    ledger_.set_times(where, times);
    model_.times[where] = times;
    return "set times of " + std::to_string(where);
  }

  std::mt19937_64 random_;
  Instant now_{1'000'030};
  MappedLedger ledger_;
  Model model_;
  std::vector<NodeSlot> slots_;
  std::vector<Held> held_;
  std::string wrong_;
};

/// Random for each run; BONEDRY_SEED=N repeats a run.
std::uint64_t seed() {
  const char* const wanted = std::getenv("BONEDRY_SEED");
  if (wanted != nullptr) return std::strtoull(wanted, nullptr, 10);
  return std::random_device{}();
}

/// The capacity determines the number of shards.
class LedgerModelTest : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(Capacities, LedgerModelTest, testing::Values(1'000U, 4'096U, 100'000U));

TEST_P(LedgerModelTest, AfterEveryStepTheCountsAreThoseOfTheModel) {
  const std::uint64_t used = seed();
  std::cout << "BONEDRY_SEED=" << used << "\n";
  Duel duel(GetParam(), used);
  for (int i = 0; i < kSteps; ++i) {
    const std::string difference = duel.step();
    ASSERT_EQ(difference, "") << "step " << i << ", BONEDRY_SEED=" << used;
  }
  EXPECT_EQ(duel.finish(), "") << "BONEDRY_SEED=" << used;
}

}  // namespace
}  // namespace bonedry::session
