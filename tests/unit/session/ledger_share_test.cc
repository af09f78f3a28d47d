// Two processes that share one ledger while one generation of the program hands over to the next.

#include "session/ledger_file.h"
#include "session/ledger_layout.h"
#include "session/mapped_ledger.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/session/ledger_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::session {
namespace {

using test::figures;
using test::key_of;
using testing::HasSubstr;
using Source = MappedLedger::Source;

class SharedLedgerTest : public testing::Test {
 protected:
  static constexpr CookieFingerprint kCheck = 77;

  [[nodiscard]] std::unique_ptr<MappedLedger> open() {
    auto start = MappedLedger::open(path, 1000, secrets, clock);
    EXPECT_TRUE(start) << start.error();
    return std::move(start->ledger);
  }
  [[nodiscard]] std::unique_ptr<MappedLedger> share() {
    auto start = MappedLedger::share(path, secrets, clock);
    EXPECT_TRUE(start) << start.error();
    EXPECT_EQ(start->source, Source::shared);
    return std::move(start->ledger);
  }
  [[nodiscard]] std::string refusal() {
    const auto start = MappedLedger::share(path, secrets, clock);
    return start ? "none" : start.error();
  }
  NodeSlot slot(Ledger& ledger) {
    const NodeSlot alice = ledger.slot_of("shop/alice");
    ledger.set_times(alice, {test::minutes{20}, test::minutes{20}, std::chrono::hours{12}});
    return alice;
  }

  bonedry::test::TemporaryDirectory directory;
  const std::string path = directory / "ledger";
  ManualClock clock;
  Secrets secrets{{"a secret of at least 32 characters"}, SecretAge::generated};
};

TEST_F(SharedLedgerTest, OneThatNobodyIsAtWorkInIsNotShared) {
  EXPECT_THAT(refusal(), HasSubstr("no other process is using"));
  open().reset();
  EXPECT_THAT(refusal(), HasSubstr("no other process is using"));
  EXPECT_EQ(open()->totals().sessions, 0U) << "and is as it was";
}

TEST_F(SharedLedgerTest, OneThatCannotBeUnderstoodStaysWhereItIs) {
  const auto first = open();
  secrets.all = {"another secret of 32 characters or more"};
  EXPECT_THAT(refusal(), HasSubstr("belongs to a different secret"));
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::resize_file(path, 100);
  EXPECT_THAT(refusal(), HasSubstr("too short"));
}

TEST_F(SharedLedgerTest, BothHaveTheSameSessions) {
  const auto old_one = open();
  const NodeSlot alice = slot(*old_one);
  const auto begun =
      old_one->begin(key_of(1), kCheck, alice, SessionState::live, clock.now(), clock.now());
  const auto new_one = share();
  EXPECT_TRUE(old_one->is_shared());
  EXPECT_EQ(slot(*new_one), alice);
  EXPECT_EQ(figures(*new_one, alice), "1 live, 0 pending");
  const auto found = new_one->open(key_of(1), kCheck, clock.now());
  ASSERT_TRUE(found.opened);
  new_one->end(found.opened->ref);
  EXPECT_EQ(figures(*old_one, alice), "0 live, 0 pending");
  new_one->close(found.opened->ref, clock.now());
  old_one->close(begun.ref, clock.now());
  EXPECT_EQ(old_one->totals().sessions, 0U);
}

TEST_F(SharedLedgerTest, AThirdProcessIsOneTooMany) {
  const auto old_one = open();
  const auto new_one = share();
  EXPECT_THAT(refusal(), HasSubstr("two processes"));
}

TEST_F(SharedLedgerTest, WhatIsUnderWayIsSeenByBoth) {
  const auto old_one = open();
  const NodeSlot alice = slot(*old_one);
  const auto new_one = share();
  slot(*new_one);
  balancer::Node old_node("shop", "alice", old_one->counts(alice), old_one->traffic(alice),
                          old_one->traffic_of_other_process(alice));
  balancer::Node new_node("shop", "alice", new_one->counts(alice), new_one->traffic(alice),
                          new_one->traffic_of_other_process(alice));
  old_node.open_exchange();
  old_node.open_exchange();
  old_node.open_tunnel();
  new_node.open_exchange();
  EXPECT_EQ(old_node.exchanges_open(), 3);
  EXPECT_EQ(new_node.exchanges_open(), 3);
  EXPECT_EQ(new_node.tunnels_open(), 1);
  old_node.close_exchange(clock.now());
  EXPECT_EQ(new_node.exchanges_open(), 2);
}

TEST_F(SharedLedgerTest, WhatADeadProcessHadUnderWayIsOver) {
  auto old_one = open();
  const NodeSlot alice = slot(*old_one);
  const auto new_one = share();
  slot(*new_one);
  const balancer::Node node("shop", "alice", new_one->counts(alice), new_one->traffic(alice),
                            new_one->traffic_of_other_process(alice));
  old_one->traffic(alice).exchanges_open = 5;
  old_one->traffic(alice).tunnels_open = 2;
  EXPECT_EQ(node.exchanges_open(), 5);
  old_one.reset();
  (void)new_one->sweep(clock.now());
  EXPECT_EQ(node.exchanges_open(), 0);
  EXPECT_EQ(node.tunnels_open(), 0);
}

// One of two processes is stopped (SIGSTOP) with requests waiting in its sockets, while time
// passes.
class StoppedSiblingTest : public SharedLedgerTest {
 protected:
  StoppedSiblingTest() {
    old_one->start_sweeping(clock.now());
    new_one = share();
    new_one->start_sweeping(clock.now());
    alice = slot(*old_one);
    slot(*new_one);
    visit_first(*old_one, 1);
    visit_first(*old_one, 2);
  }

  void visit_first(MappedLedger& ledger, std::uint64_t key) {
    const auto begun =
        ledger.begin(key_of(key), kCheck, alice, SessionState::live, clock.now(), clock.now());
    ledger.close(begun.ref, clock.now());
  }
  /// Whether a worker of this process finds the user's session.
  bool click(MappedLedger& ledger, std::uint64_t key) {
    const auto found = ledger.open(key_of(key), kCheck, clock.now());
    if (found.opened) ledger.close(found.opened->ref, clock.now());
    return found.opened.has_value();
  }
  /// Runs the ticks of the processes that are not stopped.
  void run(std::initializer_list<MappedLedger*> ledgers, Millis by) {
    for (const Instant until = clock.now() + by; clock.now() < until;) {
      clock.advance(Millis{100});
      for (MappedLedger* const ledger : ledgers) {
        while (ledger->sweep(clock.now())) continue;
      }
    }
  }
  [[nodiscard]] std::string on_alice() const { return figures(*new_one, alice); }

  std::unique_ptr<MappedLedger> old_one = open();
  std::unique_ptr<MappedLedger> new_one;
  NodeSlot alice = 0;
};

TEST_F(StoppedSiblingTest, WhoseRequestsWaitInEitherIsServedWhenItGoesOn) {
  for (const bool old_stops : {true, false}) {
    MappedLedger& stopped = old_stops ? *old_one : *new_one;
    MappedLedger& other = old_stops ? *new_one : *old_one;
    visit_first(other, 1);
    visit_first(other, 2);
    run({&stopped, &other}, test::minutes{5});
    run({&other}, std::chrono::hours{1});
    EXPECT_EQ(on_alice(), "2 live, 0 pending");
    EXPECT_TRUE(click(stopped, 1)) << "a worker goes on before the thread that sweeps";
    run({&stopped, &other}, test::seconds{1});
    EXPECT_TRUE(click(stopped, 2)) << "many had to be read first";
    EXPECT_EQ(on_alice(), "2 live, 0 pending");
    run({&stopped, &other}, test::minutes{21});
    EXPECT_EQ(on_alice(), "0 live, 0 pending");
  }
}

TEST_F(StoppedSiblingTest, AWorkerOfTheOtherEndsNobodyEither) {
  run({old_one.get(), new_one.get()}, test::minutes{5});
  run({new_one.get()}, std::chrono::hours{1});
  EXPECT_EQ(new_one->expiry_now(clock.now()), clock.now() - std::chrono::hours{1});
  EXPECT_TRUE(click(*new_one, 1));
}

TEST_F(StoppedSiblingTest, NotEvenWhoseTimeIsUpJustAfterItStopped) {
  run({old_one.get(), new_one.get()}, test::minutes{20} - test::seconds{1});
  run({new_one.get()}, test::minutes{1});
  EXPECT_TRUE(click(*old_one, 1));
}

TEST_F(StoppedSiblingTest, WhoDidNotComeIsGoneSoonAfterItWentOn) {
  run({old_one.get(), new_one.get()}, test::minutes{5});
  run({new_one.get()}, std::chrono::hours{1});
  run({old_one.get(), new_one.get()}, test::seconds{1});
  EXPECT_EQ(on_alice(), "2 live, 0 pending");
  run({old_one.get(), new_one.get()}, test::seconds{2});
  EXPECT_EQ(on_alice(), "0 live, 0 pending");
}

TEST_F(StoppedSiblingTest, OneThatIsGoneHoldsNobody) {
  run({old_one.get(), new_one.get()}, test::minutes{5});
  run({new_one.get()}, std::chrono::hours{1});
  old_one.reset();
  run({new_one.get()}, Millis{100});
  EXPECT_EQ(on_alice(), "0 live, 0 pending");
}

TEST_F(StoppedSiblingTest, OneThatServesNobodyYetHoldsNobody) {
  old_one.reset();
  run({new_one.get()}, Millis{100});
  visit_first(*new_one, 3);
  old_one = share();
  run({new_one.get()}, test::minutes{21});
  EXPECT_EQ(on_alice(), "0 live, 0 pending");
}

TEST_F(StoppedSiblingTest, WhatIsKeptOfItsTimeMayBeDamaged) {
  run({old_one.get(), new_one.get()}, test::minutes{5});
  run({new_one.get()}, Millis{100});
  const LedgerFile file = std::move(*(*LedgerFile::find(path))->file);
  std::memset(static_cast<void*>(&file.header().read_until_ms), 0,
              sizeof(file.header().read_until_ms));
  run({new_one.get()}, std::chrono::hours{1});
  EXPECT_TRUE(click(*old_one, 1));
  run({old_one.get(), new_one.get()}, test::minutes{30});
  EXPECT_EQ(on_alice(), "0 live, 0 pending");
}

TEST_F(SharedLedgerTest, OnlySlotsThatNeitherHasInForceGoToOthers) {
  const auto old_one = open();
  for (std::size_t i = 0; i < layout::kMaxSlots; ++i) {
    const NodeSlot made = old_one->slot_of("shop/n" + std::to_string(i));
    if (i != 7) old_one->set_address(made, "127.0.0.1:80");
  }
  const NodeSlot stale = old_one->slot_of("shop/n7");
  const auto new_one = share();
  const auto given = new_one->claim_slot("shop/dave");
  ASSERT_TRUE(given) << given.error();
  EXPECT_EQ(*given, stale);
  EXPECT_THAT(new_one->claim_slot("shop/erin").error(), HasSubstr("no room"));
  EXPECT_EQ(*old_one->claim_slot("shop/dave"), stale);
  old_one->set_address(*old_one->claim_slot("shop/n9"), "");
  ASSERT_TRUE(new_one->claim_slot("shop/n7"));
  EXPECT_NE(*old_one->claim_slot("shop/n7"), stale) << "it had been given away";
}

TEST_F(SharedLedgerTest, ANextStartHasNothingUnderWay) {
  {
    const auto one = open();
    one->traffic(slot(*one)).exchanges_open = 5;
  }
  const auto next = open();
  EXPECT_EQ(next->traffic(slot(*next)).exchanges_open, 0);
}

TEST_F(SharedLedgerTest, WhatWasDamagedSinceTheOtherBeganIsMended) {
  const auto old_one = open();
  const NodeSlot alice = slot(*old_one);
  old_one->close(
      old_one->begin(key_of(1), kCheck, alice, SessionState::live, clock.now(), clock.now()).ref,
      clock.now());
  const LedgerFile file = std::move(*(*LedgerFile::find(path))->file);
  auto& offset = const_cast<std::int64_t&>(file.header().facts->offset_ms);
  offset ^= std::int64_t{1} << 40U;
  const auto new_one = share();
  while (new_one->sweep(clock.now())) continue;
  EXPECT_EQ(figures(*new_one, alice), "1 live, 0 pending") << "its time is not up";
}

}  // namespace
}  // namespace bonedry::session
