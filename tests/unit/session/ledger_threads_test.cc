// Several workers and the main thread use one ledger. ThreadSanitizer shows races; without it the
// final counts show them.

#include "session/mapped_ledger.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace bonedry::session {
namespace {

using test::figures;
using test::hours;
using test::key_of;

constexpr std::uint64_t kThreads = 4;
constexpr std::uint64_t kUsersEach = 300;
constexpr int kRounds = 20'000;
constexpr CookieFingerprint kCheck = 1;

class LedgerThreadsTest : public testing::Test {
 protected:
  LedgerThreadsTest() {
    for (const NodeSlot slot : slots) ledger.set_times(slot, {hours{1}, hours{1}, hours{9}});
  }

  [[nodiscard]] Instant now() const { return {now_ms.load()}; }

  /// Runs `work(thread)` on all threads, and `meanwhile` in a loop on this one.
  void run(const std::function<void(std::uint64_t)>& work, const std::function<void()>& meanwhile) {
    std::atomic<std::uint64_t> running{kThreads};
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&work, &running, i] {
        work(i);
        --running;
      });
    }
    while (running > 0) {
      meanwhile();
      std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
  }

  /// The usual work of the main thread.
  void look_around() {
    (void)ledger.sweep(now());
    (void)listed(slots[0]);
    (void)ledger.totals();
    (void)figures(ledger, slots[1]);
  }

  [[nodiscard]] std::int64_t listed(NodeSlot slot) const {
    return static_cast<std::int64_t>(test::list(ledger, slot, SessionQuery{}).total);
  }

  std::atomic<std::int64_t> now_ms{1'000'000};
  MappedLedger ledger{100'000, {1'000'000}};
  std::array<NodeSlot, 3> slots{ledger.slot_of("shop/alice"), ledger.slot_of("shop/bob"),
                                ledger.slot_of("shop/carol")};
};

TEST_F(LedgerThreadsTest, EveryUserIsCountedOnceWhereHeIs) {
  struct Known {
    NodeSlot node = 0;
    SessionState state = SessionState::pending;
  };
  std::array<std::map<std::uint64_t, Known>, kThreads> known;
  const auto work = [this, &known](std::uint64_t thread) {
    std::mt19937_64 random(thread + 1);
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t user = thread * 1'000'000 + random() % kUsersEach;
      const NodeSlot somewhere = slots[random() % slots.size()];
      const auto found = known[thread].find(user);
      if (found == known[thread].end()) {
        const OpenedSession begun =
            ledger.begin(key_of(user), kCheck, somewhere, SessionState::pending, now(), now());
        known[thread][user] = {somewhere, SessionState::pending};
        ledger.close(begun.ref, now());
        continue;
      }
      const auto opened = ledger.open(key_of(user), kCheck, now()).opened;
      ASSERT_TRUE(opened);
      ASSERT_EQ(opened->node, found->second.node);
      found->second.state = SessionState::live;
      if (random() % 4 == 0) {
        found->second.node = ledger.move(opened->ref, opened->node, somewhere).node;
        ASSERT_EQ(found->second.node, somewhere);
      }
      ledger.close(opened->ref, now());
    }
  };
  run(work, [this] { look_around(); });

  std::map<NodeSlot, std::array<int, 2>> expected;
  for (const auto& users : known) {
    for (const auto& [user, session] : users) {
      ++expected[session.node][session.state == SessionState::live ? 1 : 0];
    }
  }
  for (const NodeSlot slot : slots) {
    EXPECT_EQ(figures(ledger, slot), std::to_string(expected[slot][1]) + " live, " +
                                         std::to_string(expected[slot][0]) + " pending");
  }
}

TEST_F(LedgerThreadsTest, AUserWhomAllWorkersMoveIsOnOneNode) {
  constexpr std::uint64_t kShared = 20;
  const auto work = [this](std::uint64_t thread) {
    std::mt19937_64 random(thread + 11);
    for (int round = 0; round < kRounds; ++round) {
      const NodeSlot somewhere = slots[random() % slots.size()];
      const OpenedSession session = ledger.begin(key_of(random() % kShared), kCheck, somewhere,
                                                 SessionState::pending, now(), now());
      const NodeSlot there =
          ledger.move(session.ref, session.node, slots[random() % slots.size()]).node;
      ASSERT_TRUE(there == slots[0] || there == slots[1] || there == slots[2]);
      ledger.set_cookie_fingerprint(session.ref, random() % 3);
      ledger.close(session.ref, now());
    }
  };
  run(work, [this] { look_around(); });
  EXPECT_EQ(ledger.totals().sessions, kShared);
  std::int64_t sum = 0;
  for (const NodeSlot slot : slots) {
    EXPECT_EQ(ledger.counts(slot).read().live, listed(slot));
    EXPECT_EQ(ledger.counts(slot).read().pending, 0);
    sum += listed(slot);
  }
  EXPECT_EQ(sum, static_cast<std::int64_t>(kShared));
}

TEST_F(LedgerThreadsTest, DisplacementsBetweenTheClicksLoseNobody) {
  const auto visit = [this](std::uint64_t user, NodeSlot to) {
    const OpenedSession session =
        ledger.begin(key_of(user), kCheck, to, SessionState::live, now(), now());
    if (session.displaced) (void)ledger.move(session.ref, session.node, to).node;
    ledger.close(session.ref, now());
  };
  const auto work = [this, &visit](std::uint64_t thread) {
    std::mt19937_64 random(thread + 21);
    for (int round = 0; round < kRounds; ++round) {
      visit(thread * 1'000'000 + random() % kUsersEach, slots[random() % slots.size()]);
    }
  };
  run(work, [this] {
    (void)ledger.displace(slots[0]);
    look_around();
  });

  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    for (std::uint64_t i = 0; i < kUsersEach; ++i) visit(thread * 1'000'000 + i, slots[1]);
  }
  std::int64_t sum = 0;
  for (const NodeSlot slot : slots) {
    EXPECT_EQ(ledger.counts(slot).read().live, listed(slot));
    sum += ledger.counts(slot).read().all();
  }
  EXPECT_EQ(sum, static_cast<std::int64_t>(kThreads * kUsersEach)) << "nobody is displaced now";
}

TEST_F(LedgerThreadsTest, WhileTimePassesEverybodyLeavesInTheEnd) {
  const auto work = [this](std::uint64_t thread) {
    std::mt19937_64 random(thread + 31);
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t user = random() % (2 * kUsersEach);  // all threads use the same users
      std::optional<OpenedSession> session = ledger.open(key_of(user), kCheck, now()).opened;
      if (!session) {
        session = ledger.begin(key_of(user), kCheck, slots[random() % slots.size()],
                               SessionState::pending, now(), now());
      }
      ledger.close(session->ref, now());
    }
  };
  run(work, [this] {
    now_ms += 20'000;
    look_around();
  });
  now_ms += Millis{hours{10}}.count();
  while (ledger.sweep(now())) continue;
  for (const NodeSlot slot : slots) EXPECT_EQ(figures(ledger, slot), "0 live, 0 pending");
  EXPECT_EQ(ledger.totals().sessions, 0U);
}

TEST_F(LedgerThreadsTest, AFullLedgerStaysExact) {
  MappedLedger small(2'048, now());
  const NodeSlot slot = small.slot_of("shop/alice");
  small.set_times(slot, {hours{1}, hours{1}, hours{9}});
  std::atomic<std::uint64_t> begun{0};
  const auto work = [this, &small, &begun, slot](std::uint64_t thread) {
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      const SessionState state = i % 2 == 0 ? SessionState::live : SessionState::pending;
      small.close(
          small.begin(key_of(thread * 1'000'000 + i), kCheck, slot, state, now(), now()).ref,
          now());
      ++begun;
    }
  };
  run(work, [this, &small] { (void)small.sweep(now()); });
  const Ledger::Totals totals = small.totals();
  EXPECT_EQ(totals.sessions + totals.evicted, begun);
  EXPECT_EQ(small.counts(slot).read().all(), static_cast<std::int64_t>(totals.sessions));
  EXPECT_LE(totals.sessions, totals.capacity);
}

TEST_F(LedgerThreadsTest, AUserWhoseValueIsRenewedTwiceAtOnceIsCountedOnce) {
  for (std::uint64_t user = 1; user <= 100; ++user) {
    MappedLedger one(2'048, now());
    const NodeSlot slot = one.slot_of("shop/alice");
    one.set_times(slot, {hours{1}, hours{1}, hours{9}});
    std::atomic<int> ready{0};
    const auto renew = [&](SessionRef ref, std::uint64_t to) {
      ++ready;
      while (ready < 2) continue;
      (void)one.renew(ref, key_of(to), slot, now());
      one.close(ref, now());
    };
    const auto first = one.begin(key_of(1), 0, slot, SessionState::live, now(), now());
    const auto second = one.open_verified(key_of(1), now());
    std::thread other(renew, first.ref, 2);
    renew(second->ref, 3);
    other.join();
    ASSERT_EQ(figures(one, slot), "1 live, 0 pending");
    for (std::uint64_t value = 1; value <= 3; ++value) {
      const auto found = one.open_verified(key_of(value), now());
      ASSERT_TRUE(found) << value;
      one.close(found->ref, now());
    }
    now_ms += Millis{hours{2}}.count();
    while (one.sweep(now())) continue;
    ASSERT_EQ(figures(one, slot), "0 live, 0 pending") << "nobody holds it any more";
  }
}

}  // namespace
}  // namespace bonedry::session
