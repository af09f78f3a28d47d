// Lists the ledger part by part: each session once, with all its data.

#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace bonedry::session {
namespace {

using test::hours;
using test::key_of;
using test::minutes;
using test::seconds;

class LedgerVisitTest : public test::LedgerTest {
 protected:
  [[nodiscard]] std::optional<SessionInfo> info(std::uint64_t number) const {
    for (const SessionInfo& one : list(alice, 1000)) {
      if (one.key == key_of(number)) return one;
    }
    return std::nullopt;
  }
};

TEST_F(LedgerVisitTest, EverybodyIsInOnePartAlone) {
  constexpr std::uint64_t kMany = 20'000;
  MappedLedger large(kMany, now);
  const NodeSlot one = large.slot_of("shop/alice");
  const NodeSlot other = large.slot_of("shop/bob");
  for (const NodeSlot slot : {one, other}) large.set_times(slot, {kIdle, kPending, kLifetime});
  for (std::uint64_t i = 0; i < kMany; ++i) {
    large.close(
        large.begin(key_of(i), 1, i % 3 == 0 ? other : one, SessionState::live, now, now).ref, now);
  }
  EXPECT_GT(large.parts(), 8U);
  std::map<SessionKey, NodeSlot> seen;
  std::size_t max = 0;
  for (std::size_t part = 0; part < large.parts(); ++part) {
    std::size_t here = 0;
    large.for_each(part, [&](NodeSlot slot, const SessionInfo& shown) {
      ++here;
      EXPECT_TRUE(seen.emplace(shown.key, slot).second);
    });
    max = std::max(max, here);
  }
  EXPECT_EQ(seen.size(), kMany);
  EXPECT_LE(max, 2048U) << "a lock is held for so many";
  for (std::uint64_t i = 0; i < kMany; ++i) ASSERT_EQ(seen[key_of(i)], i % 3 == 0 ? other : one);
}

TEST_F(LedgerVisitTest, WhoOverfillsTheTableIsShownToo) {
  std::vector<OpenedSession> held;
  for (std::uint64_t i = 0; i < 5000; ++i) held.push_back(begin(i, alice));
  EXPECT_EQ(list(alice, 10'000).size(), 5000U);
  for (const OpenedSession& session : held) close(session);
}

TEST_F(LedgerVisitTest, DisplacedAndEndedSessionsAreNotShown) {
  add_live(1, alice);
  add_live(2, bob);
  (void)ledger.displace(alice);
  EXPECT_TRUE(list(alice, 10).empty());
  pass(kIdle + kSlack);
  EXPECT_TRUE(list(bob, 10).empty());
}

TEST_F(LedgerVisitTest, TheEndIsWhereTheSessionEndsIfItIsLeftAlone) {
  const Instant begun = now;
  visit_first(1, alice);
  EXPECT_EQ(info(1)->ends, begun + kPending);
  now = now + minutes{5};
  ASSERT_TRUE(click(1));
  EXPECT_EQ(info(1)->ends, begun + minutes{5} + kIdle) << "live now";
  const auto held = open(1);
  EXPECT_EQ(info(1)->ends, kNeverEnds);
  now = now + hours{11} + minutes{50};
  close(*held);
  EXPECT_EQ(info(1)->ends, begun + kLifetime);
  pass(minutes{5} - seconds{1});
  EXPECT_TRUE(info(1));
  pass(seconds{1} + kSlack);
  EXPECT_FALSE(info(1)) << "and so it did";
}

TEST_F(LedgerVisitTest, TunnelsAreToldApartFromOtherExchanges) {
  const OpenedSession first = begin(1, alice, SessionState::live);
  const auto second = open(1);
  ledger.open_tunnel(first.ref);
  EXPECT_EQ(info(1)->exchanges_open, 2U);
  EXPECT_EQ(info(1)->tunnels_open, 1U);
  ledger.close_tunnel(first.ref);
  close(first);
  EXPECT_EQ(info(1)->exchanges_open, 1U);
  EXPECT_EQ(info(1)->tunnels_open, 0U);
  close(*second);
}

}  // namespace
}  // namespace bonedry::session
