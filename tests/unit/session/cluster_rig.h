#pragma once

#include "session/cluster_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::session::test {

/// A member of a cluster: its ledger, with alice and bob.
struct Member {
  static constexpr SessionTimes kTimes{minutes{20}, minutes{10}, hours{12}};

  explicit Member(const Clock& clock, std::size_t capacity = 1000)
      : ledger(capacity, clock.now()), cluster(ledger, clock) {
    for (const NodeSlot slot : {alice, bob}) ledger.set_times(slot, kTimes);
  }

  MappedLedger ledger;
  ClusterLedger cluster;
  NodeSlot alice = ledger.slot_of("shop/alice");
  NodeSlot bob = ledger.slot_of("shop/bob");
};

inline const char* to_string(SessionChange::Kind kind) {
  switch (kind) {
    case SessionChange::Kind::present:
      return "present";
    case SessionChange::Kind::left:
      return "left";
    case SessionChange::Kind::expired:
      return "expired";
    case SessionChange::Kind::renewed:
      return "renewed";
    case SessionChange::Kind::aliased:
      return "aliased";
  }
  return "";
}

/// A cluster member, and a clock that the test sets.
class ClusterTest : public testing::Test {
 protected:
  static constexpr Millis kIdle = Member::kTimes.idle;
  static constexpr Millis kPending = Member::kTimes.pending;
  static constexpr Millis kSlack = seconds{30};  // of what is told, see SessionChange::ends
  static constexpr Millis kTick{200};            // see LedgerTest::kSlack
  static constexpr CookieFingerprint kCheck = 77;
  using Lines = std::vector<std::string>;

  [[nodiscard]] Instant now() const { return clock.now(); }
  void sweep() {
    while (ledger.sweep(now())) continue;
  }
  void pass(Millis by) {
    clock.advance(by);
    sweep();
  }

  OpenedSession begin(std::uint64_t number, NodeSlot slot,
                      SessionState state = SessionState::live) {
    return ledger.begin(key_of(number), kCheck, slot, state, now(), now());
  }
  void add(std::uint64_t number, NodeSlot slot, SessionState state = SessionState::live) {
    close(begin(number, slot, state));
  }
  OpenedSession open(std::uint64_t number) {
    const auto opened = ledger.open_verified(key_of(number), now());
    EXPECT_TRUE(opened) << number;
    return opened.value_or(OpenedSession{});
  }
  void close(const OpenedSession& session) { ledger.close(session.ref, now()); }
  void click(std::uint64_t number) { close(open(number)); }
  void move(std::uint64_t number, NodeSlot from, NodeSlot to) {
    const OpenedSession session = open(number);
    (void)ledger.move(session.ref, from, to);
    close(session);
  }
  [[nodiscard]] std::string on(NodeSlot slot) const { return figures(ledger, slot); }

  /// Everything that is due.
  std::vector<SessionChange> collect() {
    std::vector<SessionChange> changes;
    while (member.cluster.collect(changes, 100, now())) continue;
    return changes;
  }
  [[nodiscard]] std::string line(const SessionChange& change) const {
    std::string text = std::to_string(change.key.low) + " " + to_string(change.kind);
    if (change.kind == SessionChange::Kind::present) {
      text += std::string(" ") + session::to_string(change.state) +
              (change.node == member.alice ? " on alice" : " on bob");
    }
    if (change.other.low != 0) text += " " + std::to_string(change.other.low);
    return text;
  }
  /// The same, in words.
  Lines told() {
    Lines lines;
    for (const SessionChange& change : collect()) lines.push_back(line(change));
    return lines;
  }
  /// Everything that there is.
  Lines all() {
    std::vector<SessionChange> changes;
    for (std::size_t part = 0; part < member.cluster.parts(); ++part) {
      member.cluster.collect_all(part, changes, now());
    }
    Lines lines;
    for (const SessionChange& change : changes) lines.push_back(line(change));
    return lines;
  }
  [[nodiscard]] RemoteSession remote(std::uint64_t number, NodeSlot node,
                                     SessionState state = SessionState::live) const {
    return {key_of(number), kCheck, node, state, now(), now(), now() + kIdle};
  }

  ManualClock clock;
  Member member{clock};
  MappedLedger& ledger = member.ledger;
  NodeSlot alice = member.alice;
  NodeSlot bob = member.bob;
};

}  // namespace bonedry::session::test
