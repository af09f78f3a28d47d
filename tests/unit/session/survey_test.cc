#include "session/survey.h"

#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace bonedry::session {
namespace {

using test::key_of;
using test::minutes;
using test::seconds;

class SurveyTest : public test::LedgerTest {
 protected:
  /// Group 1 contains alice; group 0 contains both nodes.
  [[nodiscard]] Survey begin_survey() const { return {{{alice, {0, 1}}, {bob, {0}}}, 2, now}; }
  [[nodiscard]] Survey survey() const {
    Survey done = begin_survey();
    while (done.step(ledger) == Survey::Progress::more) continue;
    return done;
  }
  static std::uint32_t live_in(const SessionSummary& summary) {
    std::uint32_t all = 0;
    for (const auto& of_age : summary.live) {
      for (const std::uint32_t count : of_age) all += count;
    }
    return all;
  }
};

TEST_F(SurveyTest, OfNobodyIsEmpty) {
  const Survey done = survey();
  EXPECT_EQ(live_in(done.group(0)), 0U);
  EXPECT_FALSE(done.group(0).last_end);
  EXPECT_FALSE(done.group(0).youngest);
  EXPECT_FALSE(done.group(0).pending_until);
}

TEST_F(SurveyTest, SumsUpWhoIsOnWhichNode) {
  const Instant begun = now;
  add_live(1, alice);
  add_live(2, bob);
  now = now + minutes{3};
  visit_first(3, alice);
  const OpenedSession open_one = begin(4, alice, SessionState::live);
  now = now + minutes{1};

  const Survey done = survey();
  const SessionSummary& on_alice = done.group(1);
  EXPECT_EQ(live_in(on_alice), 1U);
  EXPECT_EQ(on_alice.live[TimeScale::step_of(minutes{4})][TimeScale::step_of(minutes{4})], 1U);
  EXPECT_EQ(on_alice.held[TimeScale::step_of(minutes{1})], 1U);
  EXPECT_EQ(on_alice.youngest, begun + minutes{3}) << "the one that is held";
  EXPECT_EQ(on_alice.pending_until, begun + minutes{3} + kPending);
  EXPECT_EQ(on_alice.last_end, begun + kIdle);
  EXPECT_EQ(live_in(done.group(0)), 2U);
  close(open_one);
}

TEST_F(SurveyTest, OfATableThatIsLargeTakesSeveralSteps) {
  constexpr std::uint64_t kMany = 100'000;
  MappedLedger large(kMany, now);
  const NodeSlot slot = large.slot_of("shop/alice");
  large.set_times(slot, {kIdle, kPending, kLifetime});
  for (std::uint64_t i = 0; i < kMany; ++i) {
    large.close(large.begin(key_of(i), 1, slot, SessionState::live, now, now).ref, now);
  }
  Survey slow({{slot, {0}}}, 1, now);
  int steps = 1;
  while (slow.step(large) == Survey::Progress::more) ++steps;
  EXPECT_GE(steps, 3);
  EXPECT_LE(steps, 6);
  EXPECT_EQ(live_in(slow.group(0)), kMany);
}

class StaysTest : public test::LedgerTest {
 protected:
  [[nodiscard]] std::uint64_t all(NodeSlot slot) const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : ledger.stays(slot).counts) sum += count;
    return sum;
  }
};

TEST_F(StaysTest, AStayIsFromTheFirstToTheLastExchange) {
  add_live(1, alice);
  now = now + minutes{7};
  ASSERT_TRUE(click(1));
  EXPECT_EQ(all(alice), 0U) << "not before it has ended";
  pass(kIdle + kSlack);
  EXPECT_EQ(all(alice), 1U);
  EXPECT_EQ(ledger.stays(alice).counts[TimeScale::step_of(minutes{7})], 1U);
  EXPECT_EQ(all(bob), 0U);
}

TEST_F(StaysTest, AnEndThatIsNoticedAtTheNextClickCountsToo) {
  add_live(1, alice);
  now = now + kIdle;
  EXPECT_FALSE(click(1));
  EXPECT_EQ(all(alice), 1U);
}

TEST_F(StaysTest, WhoDidNotLeaveIsNotCounted) {
  visit_first(1, alice);  // a crawler
  add_live(2, alice);     // moved
  const auto moving = open(2);
  (void)ledger.move(moving->ref, alice, bob);
  close(*moving);
  add_live(3, alice);  // displaced
  (void)ledger.displace(alice);
  pass(kIdle + kSlack);
  EXPECT_EQ(sessions(), 0U);
  EXPECT_EQ(all(alice), 0U);
  EXPECT_EQ(all(bob), 1U) << "where the moved one ended";
}

TEST_F(StaysTest, AnEvictedOneIsNotCounted) {
  MappedLedger small(1, now);
  const NodeSlot slot = small.slot_of("shop/alice");
  small.set_times(slot, {kIdle, kPending, kLifetime});
  for (std::uint64_t i = 0; i < 3; ++i) {
    small.close(small.begin(key_of(i), 1, slot, SessionState::live, now, now).ref, now);
  }
  EXPECT_EQ(small.totals().evicted, 2U);
  for (const std::uint64_t count : small.stays(slot).counts) EXPECT_EQ(count, 0U);
}

}  // namespace
}  // namespace bonedry::session
