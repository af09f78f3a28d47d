#include "admin/cluster/outgoing_changes.h"

#include "tests/unit/session_sync/fake_sessions.h"

#include <gtest/gtest.h>

namespace bonedry::admin::cluster {
namespace {

using session::SessionChange;
using Kind = SessionChange::Kind;

constexpr Instant kStart{1'000'000};

std::vector<SessionChange> logouts(std::uint64_t first, std::size_t count) {
  std::vector<SessionChange> changes;
  for (std::size_t i = 0; i < count; ++i) {
    changes.push_back(change(Kind::left, first + i, 1, kStart));
  }
  return changes;
}

TEST(OutgoingChangesTest, WhatIsGivenBackGoesFirst) {
  OutgoingChanges outgoing;
  outgoing.add(logouts(1, 4), kStart);
  outgoing.give_back(outgoing.take(2));
  EXPECT_TRUE(outgoing.has_returned());
  std::vector<session::SessionKey> keys;
  for (const SessionChange& each : outgoing.take(10)) keys.push_back(each.key);
  EXPECT_EQ(keys, (std::vector{key_of(1), key_of(2), key_of(3), key_of(4)}));
  EXPECT_EQ(outgoing.waiting(), 0U);
}

TEST(OutgoingChangesTest, EndingsAreRepeatedForAMinuteAndStatesAreNot) {
  OutgoingChanges outgoing;
  outgoing.add({change(Kind::left, 1, 1, kStart), change(Kind::present, 2, 1, kStart),
                change(Kind::expired, 3, 1, kStart)},
               kStart);
  EXPECT_EQ(outgoing.take(10).size(), 3U);
  outgoing.repeat_kept(kStart + OutgoingChanges::kKept);
  ASSERT_EQ(outgoing.waiting(), 1U);
  EXPECT_EQ(outgoing.take(1)[0].key, key_of(1));
  outgoing.repeat_kept(kStart + OutgoingChanges::kKept + Millis{1});
  EXPECT_EQ(outgoing.waiting(), 0U);
}

TEST(OutgoingChangesTest, AStoreThatIsLostAgainAndAgainCostsNoMemory) {
  OutgoingChanges outgoing;
  outgoing.add(logouts(1, 1000), kStart);
  for (int i = 0; i < 10; ++i) {
    outgoing.repeat_kept(kStart);
    outgoing.give_back(outgoing.take(100));
  }
  EXPECT_LE(outgoing.waiting(), 2100U);
}

TEST(OutgoingChangesTest, RemembersNoMoreEndingsThanItsBound) {
  OutgoingChanges outgoing;
  outgoing.add(logouts(1, OutgoingChanges::kMaxKept + 10), kStart);
  EXPECT_EQ(outgoing.take(OutgoingChanges::kMaxKept + 10).size(), OutgoingChanges::kMaxKept + 10);
  outgoing.repeat_kept(kStart);
  EXPECT_EQ(outgoing.waiting(), OutgoingChanges::kMaxKept);
  EXPECT_FALSE(outgoing.ended(key_of(10)));
  EXPECT_TRUE(outgoing.ended(key_of(11)));
}

TEST(OutgoingChangesTest, AnEndingIsForgottenAfterAMinute) {
  OutgoingChanges outgoing;
  outgoing.add(logouts(1, 1), kStart);
  outgoing.add({}, kStart + OutgoingChanges::kKept);
  EXPECT_TRUE(outgoing.ended(key_of(1)));
  outgoing.add({}, kStart + OutgoingChanges::kKept + Millis{1});
  EXPECT_FALSE(outgoing.ended(key_of(1)));
}

}  // namespace
}  // namespace bonedry::admin::cluster
