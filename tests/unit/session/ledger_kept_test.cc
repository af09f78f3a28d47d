// The ledger in its file: what a process leaves behind, however it ends, and what the next one
// finds.

#include "session/ledger_file.h"
#include "session/mapped_ledger.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/session/ledger_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace bonedry::session {
namespace {

using test::figures;
using test::key_of;
using test::minutes;
using test::seconds;
using testing::HasSubstr;
using Source = MappedLedger::Source;

class KeptLedgerTest : public testing::Test {
 protected:
  static constexpr CookieFingerprint kCheck = 77;
  static constexpr SessionTimes kTimes{minutes{20}, minutes{10}, std::chrono::hours{12}};

  MappedLedger::Start open(std::size_t capacity = 1000) {
    auto start = MappedLedger::open(path, capacity, secrets, clock);
    EXPECT_TRUE(start) << (start ? "" : start.error());
    for (const char* node : {"shop/alice", "shop/bob"}) {
      start->ledger->set_times(start->ledger->slot_of(node), kTimes);
    }
    return std::move(*start);
  }
  void begin(Ledger& ledger, std::uint64_t number, SessionState state) {
    const auto session =
        ledger.begin(key_of(number), kCheck, alice, state, clock.now(), clock.now());
    ledger.close(session.ref, clock.now());
  }
  bool click(Ledger& ledger, std::uint64_t number) {
    const auto found = ledger.open(key_of(number), kCheck, clock.now());
    if (found.opened) ledger.close(found.opened->ref, clock.now());
    return found.opened.has_value();
  }
  void pass(Ledger& ledger, Millis by) {
    clock.advance(by);
    while (ledger.sweep(clock.now())) continue;
  }
  /// Files in the directory except the ledger itself.
  std::vector<std::string> others() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
      if (entry.path() != path) names.push_back(entry.path().filename());
    }
    return names;
  }
  template <class Change>
  void damage(const Change& change) {
    const auto found = LedgerFile::find(path);
    ASSERT_TRUE(found && *found && (*found)->file);
    change((*found)->file->header());
  }

  /// Changes the header with valid checksums, as if the ledger had written it.
  template <class Change>
  void rewrite(const Change& change) {
    damage([&change](layout::Header& header) {
      layout::HeaderFacts facts = *header.facts;
      change(facts);
      header.facts.put(facts);
    });
  }
  void reboot() {
    rewrite([](layout::HeaderFacts& facts) { ++facts.boot; });
  }

  bonedry::test::TemporaryDirectory directory;
  const std::string path = directory / "ledger";
  ManualClock clock;
  Secrets secrets{{"a secret of at least 32 characters", "an older one of 32 characters too"},
                  SecretAge::generated};
  const NodeSlot alice = 0;  // the first slot that is claimed
  const NodeSlot bob = 1;
};

TEST_F(KeptLedgerTest, ItRemembersWhereNodesAre) {
  const auto place_of = [](const Ledger& ledger, NodeSlot slot) {
    return ledger.nodes().at(slot).key + " at '" + ledger.nodes().at(slot).address + "'";
  };
  {
    const auto start = open();
    EXPECT_EQ(place_of(*start.ledger, alice), "shop/alice at ''");
    start.ledger->set_address(alice, "127.0.0.1:9001");
    start.ledger->set_address(bob, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
  }
  for (const std::size_t capacity : {1000U, 2000U}) {
    const auto start = open(capacity);
    EXPECT_EQ(start.ledger->nodes().size(), 2U);
    EXPECT_EQ(place_of(*start.ledger, alice), "shop/alice at '127.0.0.1:9001'");
    EXPECT_EQ(place_of(*start.ledger, bob),
              "shop/bob at '[2001:db8:1111:2222:3333:4444:5555:6666]:65535'");
  }
  const auto start = open(2000);
  start.ledger->set_address(bob, "[::1]:80");
  EXPECT_EQ(place_of(*start.ledger, bob), "shop/bob at '[::1]:80'") << "nothing of the one before";
  start.ledger->set_address(bob, std::string(64, 'x'));
  EXPECT_EQ(place_of(*start.ledger, bob), "shop/bob at ''");
}

TEST_F(KeptLedgerTest, AFreshOneIsMadeAndComplete) {
  const auto start = open();
  EXPECT_EQ(start.source, Source::created);
  EXPECT_FALSE(start.ledger->incomplete_since());
  EXPECT_EQ(bonedry::test::mode_of(path), "600");
}

TEST_F(KeptLedgerTest, WithASecretThatMayHaveBeenUsedAFreshOneIsIncomplete) {
  secrets.age = SecretAge::existing;
  const Instant began = clock.now();
  EXPECT_EQ(open().ledger->incomplete_since(), began);
  clock.advance(minutes{5});
  EXPECT_EQ(open().ledger->incomplete_since(), began) << "a restart does not forget it";
}

TEST_F(KeptLedgerTest, TheNextProcessHasTheSameSessions) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    begin(*start.ledger, 2, SessionState::pending);
    begin(*start.ledger, 3, SessionState::live);
    EXPECT_TRUE(click(*start.ledger, 1));
  }
  clock.advance(minutes{1});
  const auto start = open();
  EXPECT_EQ(start.source, Source::restored);
  EXPECT_FALSE(start.ledger->incomplete_since());
  EXPECT_EQ(figures(*start.ledger, alice), "2 live, 1 pending");
  const auto sessions = test::list(*start.ledger, alice, 10);
  ASSERT_EQ(sessions.size(), 3U);
  EXPECT_EQ(clock.now() - sessions[0].created, minutes{1});
  EXPECT_TRUE(click(*start.ledger, 1));
  EXPECT_FALSE(click(*start.ledger, 4));
}

TEST_F(KeptLedgerTest, TimeGoesOnWhileNobodyIsThere) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    begin(*start.ledger, 2, SessionState::pending);
  }
  clock.advance(minutes{15});
  const auto start = open();
  pass(*start.ledger, seconds{1});
  EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending");
  pass(*start.ledger, minutes{5});
  EXPECT_EQ(figures(*start.ledger, alice), "0 live, 0 pending");
}

TEST_F(KeptLedgerTest, WhomADeadProcessServedWasThereUntilItsEnd) {
  {
    auto start = open();
    (void)start.ledger->begin(key_of(1), kCheck, alice, SessionState::live, clock.now(),
                              clock.now());
    pass(*start.ledger, minutes{30});
    EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending") << "it is held";
  }
  clock.advance(minutes{1});
  const auto start = open();
  pass(*start.ledger, minutes{18});
  EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending") << "19 minutes since he was there";
  pass(*start.ledger, minutes{2});
  EXPECT_EQ(figures(*start.ledger, alice), "0 live, 0 pending") << "and held no longer";
}

TEST_F(KeptLedgerTest, ItLooksUnfinishedOnTheDiskWhileSomebodyIsAtWork) {
  (void)open();
  damage([](layout::Header& header) { EXPECT_EQ(header.synced.load(), layout::kSynced); });
  const auto restored = open();
  damage([](layout::Header& header) { EXPECT_EQ(header.synced.load(), 0U); });
}

TEST_F(KeptLedgerTest, DisplacedSessionsStayDisplaced) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    EXPECT_EQ(start.ledger->displace(alice), 1U);
    begin(*start.ledger, 2, SessionState::live);
  }
  const auto start = open();
  EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending");
  const auto found = start.ledger->open(key_of(1), kCheck, clock.now());
  ASSERT_TRUE(found.opened);
  EXPECT_TRUE(found.opened->displaced);
}

TEST_F(KeptLedgerTest, AfterACleanRebootTimeGoesOnByTheCalendar) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    pass(*start.ledger, minutes{3});
  }
  reboot();
  ManualClock rebooted;  // Instants start again
  rebooted.jump_wall(minutes{10});
  auto start = MappedLedger::open(path, 1000, secrets, rebooted);
  ASSERT_TRUE(start);
  EXPECT_FALSE(start->ledger->incomplete_since());
  const auto sessions = test::list(*start->ledger, alice, 10);
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(rebooted.now() - sessions[0].created, minutes{10});
}

TEST_F(KeptLedgerTest, ACalendarThatWasSetBackEndsNobodyAndMakesNobodyYounger) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    pass(*start.ledger, minutes{3});
  }
  reboot();
  ManualClock rebooted;
  rebooted.jump_wall(-std::chrono::hours{24});
  auto start = MappedLedger::open(path, 1000, secrets, rebooted);
  ASSERT_TRUE(start);
  EXPECT_EQ(rebooted.now() - test::list(*start->ledger, alice, 10).at(0).created, minutes{3});
}

TEST_F(KeptLedgerTest, AfterAPowerCutItIsIncomplete) {
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
  }
  reboot();
  damage([](layout::Header& header) { header.synced.store(0); });
  const auto start = open();
  EXPECT_EQ(start.source, Source::restored);
  EXPECT_EQ(start.ledger->incomplete_since(), clock.now());
  EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending") << "what came through is known";
}

// systemd's ProcSubset=pid, and containers, hide the boot id.
TEST_F(KeptLedgerTest, WithoutTheBootsIdTheClocksTellAKillFromAReboot) {
  const auto kill = [this] {
    rewrite([](layout::HeaderFacts& facts) { facts.boot = 0; });
    damage([](layout::Header& header) { header.synced.store(0); });
  };
  {
    auto start = open();
    begin(*start.ledger, 1, SessionState::live);
    pass(*start.ledger, minutes{3});
  }
  kill();
  clock.advance(minutes{2});
  clock.jump_wall(Millis{500});  // the wall clock is being adjusted
  {
    const auto start = open();
    start.ledger->start_sweeping(clock.now());
    EXPECT_FALSE(start.ledger->incomplete_since());
    EXPECT_EQ(clock.now() - test::list(*start.ledger, alice, 10).at(0).last, minutes{5});
  }
  kill();
  ManualClock rebooted;  // same uptime as when the ledger was last used, but another boot
  rebooted.advance(minutes{10});
  rebooted.jump_wall(minutes{20});
  {
    auto start = MappedLedger::open(path, 1000, secrets, rebooted);
    ASSERT_TRUE(start);
    EXPECT_EQ(start->ledger->incomplete_since(), rebooted.now());
    EXPECT_EQ(rebooted.now() - test::list(*start->ledger, alice, 10).at(0).last,
              minutes{30} - Millis{500})
        << "by the calendar";
  }
}

TEST_F(KeptLedgerTest, KeysMayRotate) {
  begin(*open().ledger, 1, SessionState::live);
  secrets.all.insert(secrets.all.begin(), "a new one that signs from now on ...");
  EXPECT_EQ(open().source, Source::restored);
  secrets.all.resize(1);
  EXPECT_EQ(open().source, Source::restored);
}

TEST_F(KeptLedgerTest, ARotationMayBeTakenBack) {
  begin(*open().ledger, 1, SessionState::live);
  const Secrets before = secrets;
  secrets.all.insert(secrets.all.begin(), "a new one that signs from now on ...");
  EXPECT_EQ(open().source, Source::restored);
  secrets = before;
  EXPECT_EQ(open().source, Source::restored);
}

TEST_F(KeptLedgerTest, OneOfAnotherSecretIsSetAside) {
  begin(*open().ledger, 1, SessionState::live);
  secrets = {{"quite another secret, 32 characters"}, SecretAge::existing};
  const auto start = open();
  EXPECT_EQ(start.source, Source::created);
  EXPECT_THAT(start.set_aside, HasSubstr("it belongs to a different secret; moved to " + path));
  EXPECT_EQ(start.ledger->incomplete_since(), clock.now());
  EXPECT_EQ(start.ledger->totals().sessions, 0U);
  EXPECT_EQ(others().size(), 1U) << "it is not deleted";
}

TEST_F(KeptLedgerTest, OneThatCannotBeTrustedIsSetAside) {
  begin(*open().ledger, 1, SessionState::live);
  rewrite([](layout::HeaderFacts& facts) { facts.version = 99; });
  EXPECT_THAT(open().set_aside, HasSubstr("incompatible version"));
  rewrite([](layout::HeaderFacts& facts) { facts.capacity = 5000; });
  EXPECT_THAT(open().set_aside, HasSubstr("its size does not match its header"));
  rewrite([](layout::HeaderFacts& facts) { facts.capacity = UINT64_MAX; });
  EXPECT_THAT(open().set_aside, HasSubstr("its size does not match its header"));
  damage(
      [](layout::Header& header) { std::memset(static_cast<void*>(&header), 0, sizeof(header)); });
  EXPECT_THAT(open().set_aside, HasSubstr("not a ledger"));
  damage([](layout::Header& header) { header.seen_ms.store(-5); });
  EXPECT_THAT(open().set_aside, HasSubstr("timestamps are damaged"));
  rewrite([](layout::HeaderFacts& facts) { facts.offset_ms = INT64_MIN; });
  EXPECT_THAT(open().set_aside, HasSubstr("timestamps are damaged"));
  damage([](layout::Header& header) { header.slots_used.store(UINT32_MAX); });
  EXPECT_THAT(open().set_aside, HasSubstr("node table is damaged"));
  damage([](layout::Header& header) { header.slots_used.store(header.slots_used.load() + 1); });
  EXPECT_THAT(open().set_aside, HasSubstr("node table is damaged")) << "one has no name";
  ASSERT_EQ(::truncate(path.c_str(), 10), 0);
  EXPECT_THAT(open().set_aside, HasSubstr("too short"));
  EXPECT_EQ(others().size(), 9U) << "all of them, though the clock stands still";
}

TEST_F(KeptLedgerTest, RecordsOfNonsenseHarmNobody) {
  {
    auto start = open();
    for (std::uint64_t user = 0; user < 100; ++user) begin(*start.ledger, user, SessionState::live);
  }
  const auto found = LedgerFile::find(path);
  ASSERT_TRUE(found && *found && (*found)->file);
  const LedgerFile& file = *(*found)->file;
  auto* const records = file.at<layout::Record>(file.plan().records_at(0));
  for (std::size_t i = 0; i < 50; ++i) {
    records[i].next_same_hash = 77;
    records[i].wheel_next = static_cast<layout::Index>(i + 1);
    records[i].last_ms.store(i % 2 == 0 ? INT64_MAX / 1'000'000 : INT64_MIN / 1'000'000);
    records[i].put_created(i % 3 == 0 ? INT64_MAX / 1'000'000 : INT64_MIN / 1'000'000);
    if (i % 5 == 0) records[i].packed_place.store(UINT64_MAX);
  }
  auto* const shard = file.at<layout::ShardHeader>(file.plan().shard_at(0));
  shard->pending_oldest = 3;
  shard->free = UINT32_MAX;
  shard->ready = UINT32_MAX;
  const auto start = open();
  pass(*start.ledger, seconds{1});
  for (std::uint64_t user = 50; user < 100; ++user) EXPECT_TRUE(click(*start.ledger, user));
  pass(*start.ledger, std::chrono::hours{24});
  EXPECT_EQ(figures(*start.ledger, alice), "0 live, 0 pending");
  EXPECT_EQ(start.ledger->totals().sessions, 0U);
}

TEST_F(KeptLedgerTest, ALinkIsNotFollowedAndNotTakenForNone) {
  for (const std::string& target :
       {directory / "not-mounted/ledger", directory.write("file", "")}) {
    std::filesystem::create_symlink(target, path);
    const auto start = MappedLedger::open(path, 10, secrets, clock);
    ASSERT_FALSE(start);
    EXPECT_EQ(start.error(), path + " is a symbolic link, which is not allowed");
    std::filesystem::remove(path);
  }
}

TEST_F(KeptLedgerTest, AnUnusableFolderIsAnError) {
  const auto start = MappedLedger::open(directory / "no/ledger", 10, secrets, clock);
  ASSERT_FALSE(start);
  EXPECT_THAT(start.error(), HasSubstr("No such file or directory"));
  std::filesystem::create_directory(path);
  EXPECT_FALSE(MappedLedger::open(path, 10, secrets, clock));
}

TEST_F(KeptLedgerTest, AnotherCapacityTakesEverybodyAlong) {
  {
    auto start = open(1000);
    for (std::uint64_t user = 0; user < 500; ++user) {
      begin(*start.ledger, user, user % 2 == 0 ? SessionState::live : SessionState::pending);
    }
    EXPECT_EQ(start.ledger->displace(bob), 0U);
  }
  for (const std::size_t capacity : {100'000UL, 2'000UL}) {
    const auto start = open(capacity);
    EXPECT_EQ(start.source, Source::resized);
    EXPECT_EQ(start.ledger->totals().capacity, capacity);
    EXPECT_EQ(start.ledger->slot_of("shop/bob"), bob);
    EXPECT_EQ(figures(*start.ledger, alice), "250 live, 250 pending");
    for (std::uint64_t user = 0; user < 500; user += 2) EXPECT_TRUE(click(*start.ledger, user));
    EXPECT_EQ(start.ledger->totals().evicted, 0U);
  }
  EXPECT_EQ(open(2'000).source, Source::restored);
  EXPECT_EQ(others().size(), 0U);
}

TEST_F(KeptLedgerTest, WhatAKillLeftOfAChangeOfTheCapacityIsReplaced) {
  begin(*open(1000).ledger, 1, SessionState::live);
  const std::string beside = path + ".new";
  const std::string elsewhere = directory.write("elsewhere", "of somebody else");
  directory.write("ledger.new", "half a copy");
  EXPECT_EQ(open(1000).source, Source::restored);
  EXPECT_FALSE(std::filesystem::exists(beside)) << "it is of no use";
  std::filesystem::create_symlink(elsewhere, beside);
  const auto start = open(2000);
  EXPECT_EQ(start.source, Source::resized);
  EXPECT_TRUE(click(*start.ledger, 1));
  EXPECT_EQ(std::filesystem::file_size(elsewhere), 16U) << "it was not written through";
}

TEST_F(KeptLedgerTest, AStartThatFailsDoesNotMakeItLookUsed) {
  {
    const auto start = open();
    start.ledger->start_sweeping(clock.now());
    start.ledger->sweep(clock.now());
  }
  const WallTime used = clock.wall();
  clock.advance(minutes{5});
  std::filesystem::create_directories(path + ".new/in the way");
  EXPECT_FALSE(MappedLedger::open(path, 2000, secrets, clock));
  std::filesystem::remove_all(path + ".new");
  clock.advance(minutes{5});
  const auto start = open();
  ASSERT_TRUE(start.last_use.has_value());
  EXPECT_EQ(start.last_use->wall, used);
}

TEST_F(KeptLedgerTest, TooSmallACapacityLetsPendingOnesGoFirstAndSaysSo) {
  {
    auto start = open(1000);
    for (std::uint64_t user = 0; user < 500; ++user) {
      begin(*start.ledger, user, user % 2 == 0 ? SessionState::live : SessionState::pending);
    }
  }
  const auto start = open(300);
  EXPECT_EQ(start.ledger->totals().evicted, 200U);
  EXPECT_EQ(figures(*start.ledger, alice), "250 live, 50 pending");
  EXPECT_EQ(start.ledger->last_eviction(alice), clock.now()) << "so that dryness is withheld";
}

TEST_F(KeptLedgerTest, TimeGoesOnAfterAChangeOfTheCapacityAndAPowerCut) {
  begin(*open(1000).ledger, 1, SessionState::live);
  reboot();
  clock.advance(minutes{1});
  EXPECT_EQ(open(2000).source, Source::resized);
  reboot();
  damage([](layout::Header& header) { header.synced.store(0); });
  ManualClock rebooted;
  rebooted.jump_wall(minutes{15});
  const auto start = MappedLedger::open(path, 2000, secrets, rebooted);
  ASSERT_TRUE(start);
  EXPECT_EQ(rebooted.now() - test::list(*start->ledger, alice, 10).at(0).created, minutes{15});
}

TEST_F(KeptLedgerTest, AShrunkenOneKeepsTheYoungestOfThePending) {
  {
    auto start = open(1000);
    for (std::uint64_t user = 0; user < 100; ++user) {  // records are reused out of order
      begin(*start.ledger, user, SessionState::pending);
    }
    pass(*start.ledger, minutes{11});
    for (std::uint64_t user = 100; user < 200; ++user) {
      clock.advance(Millis{10});
      begin(*start.ledger, user, SessionState::pending);
    }
  }
  const auto start = open(40);
  EXPECT_EQ(start.ledger->totals().evicted, 60U);
  for (std::uint64_t user = 160; user < 200; ++user)
    EXPECT_TRUE(click(*start.ledger, user)) << user;
}

TEST_F(KeptLedgerTest, TwoGenerationsShareIt) {
  auto old = open();
  begin(*old.ledger, 1, SessionState::live);
  auto next = open();
  EXPECT_EQ(next.source, Source::shared);
  EXPECT_EQ(figures(*next.ledger, alice), "1 live, 0 pending");
  begin(*old.ledger, 2, SessionState::pending);
  EXPECT_TRUE(click(*next.ledger, 2));
  EXPECT_EQ(figures(*old.ledger, alice), "2 live, 0 pending");
  const NodeSlot carol = next.ledger->slot_of("shop/carol");
  EXPECT_EQ(old.ledger->slot_of("shop/carol"), carol);
  const auto third = MappedLedger::open(path, 1000, secrets, clock);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error(), HasSubstr("two processes are already using"));
}

TEST_F(KeptLedgerTest, WhatTheOldGenerationHoldsLastsAsLongAsItDoes) {
  auto old = open();
  auto next = open();
  (void)old.ledger->begin(key_of(1), kCheck, alice, SessionState::live, clock.now(), clock.now());
  (void)next.ledger->begin(key_of(2), kCheck, alice, SessionState::live, clock.now(), clock.now());
  pass(*next.ledger, minutes{30});
  EXPECT_EQ(figures(*next.ledger, alice), "2 live, 0 pending");
  old.ledger.reset();
  pass(*next.ledger, Millis{100});  // the end of the old process is noticed
  pass(*next.ledger, minutes{19});
  EXPECT_EQ(figures(*next.ledger, alice), "2 live, 0 pending") << "it was there until now";
  pass(*next.ledger, minutes{2});
  EXPECT_EQ(figures(*next.ledger, alice), "1 live, 0 pending");
  EXPECT_EQ(open().source, Source::shared) << "the place of the old one is free again";
}

TEST_F(KeptLedgerTest, ManyNodesOfThePastLeaveRoomForThoseOfToday) {
  auto start = open();
  begin(*start.ledger, 1, SessionState::live);
  for (int node = 0; node < 3 * 4096; ++node) {
    if (node % 4000 == 0) start = MappedLedger::Start{};
    if (!start.ledger) start = open();  // a restart: claims only the nodes in the current config
    (void)start.ledger->slot_of("shop/node" + std::to_string(node));
  }
  EXPECT_EQ(figures(*start.ledger, start.ledger->slot_of("shop/alice")), "1 live, 0 pending");
}

class KeptValuesTest : public KeptLedgerTest {
 protected:
  /// A user on alice whose value was renewed a minute after it was set.
  void renew(Ledger& ledger, std::uint64_t before, std::uint64_t after) {
    const auto session =
        ledger.begin(key_of(before), 0, alice, SessionState::live, clock.now(), clock.now());
    clock.advance(minutes{1});
    (void)ledger.renew(session.ref, key_of(after), alice, clock.now());
    ledger.close(session.ref, clock.now());
  }
  bool finds(Ledger& ledger, std::uint64_t number) {
    const auto found = ledger.open_verified(key_of(number), clock.now());
    if (found) ledger.close(found->ref, clock.now());
    return found.has_value();
  }
};

TEST_F(KeptValuesTest, AValueInItsGraceIsGoodAfterAKill) {
  {
    const auto start = open();
    renew(*start.ledger, 1, 2);
    const auto back = start.ledger->open_verified(key_of(2), clock.now());
    ASSERT_TRUE(back);
    start.ledger->confirm_renewal(back->ref, minutes{1}, clock.now());
    start.ledger->close(back->ref, clock.now());
  }
  const auto start = open();
  EXPECT_TRUE(finds(*start.ledger, 1)) << "requests with it may be on their way";
}

TEST_F(KeptValuesTest, AfterAKillTheValueOfTheNewestSessionStillComesFirst) {
  {
    const auto start = open();
    Ledger& ledger = *start.ledger;
    const auto over =
        ledger.begin(key_of(1), 0, alice, SessionState::live, clock.now(), clock.now());
    (void)ledger.renew(over.ref, key_of(2), alice, clock.now());
    ledger.end(over.ref);  // a logout; the request is still open and holds the earlier value
    clock.advance(minutes{1});
    (void)ledger.begin(key_of(1), 0, alice, SessionState::live, clock.now(), clock.now());
  }
  const auto start = open();
  renew(*start.ledger, 1, 3);
  EXPECT_TRUE(finds(*start.ledger, 1)) << "the client has not heard of the new value";
}

TEST_F(KeptValuesTest, AnotherCapacityTakesAllValuesOfAUserAlong) {
  {
    const auto start = open(1000);
    renew(*start.ledger, 1, 2);
    const auto user = start.ledger->open_verified(key_of(2), clock.now());
    start.ledger->alias(user->ref, key_of(3), clock.now());
    start.ledger->close(user->ref, clock.now());
  }
  for (const std::size_t capacity : {100'000UL, 2'000UL}) {
    const auto start = open(capacity);
    ASSERT_EQ(start.source, Source::resized);
    for (std::uint64_t value = 1; value <= 3; ++value) EXPECT_TRUE(finds(*start.ledger, value));
    EXPECT_EQ(figures(*start.ledger, alice), "1 live, 0 pending");
    EXPECT_FALSE(start.ledger->last_eviction(alice));
  }
}

TEST_F(KeptValuesTest, AValueOfASessionThatIsOverMakesWayForTheNext) {
  const auto start = open();
  Ledger& ledger = *start.ledger;
  const auto gone = ledger.begin(key_of(1), 0, alice, SessionState::live, clock.now(), clock.now());
  ledger.alias(gone.ref, key_of(11), clock.now());
  ledger.alias(gone.ref, key_of(12), clock.now());
  ledger.end(gone.ref);
  ledger.close(gone.ref, clock.now());
  clock.advance(minutes{1});
  const auto next = ledger.begin(key_of(2), 0, alice, SessionState::live, clock.now(), clock.now());
  ledger.alias(next.ref, key_of(11), clock.now());
  ledger.close(next.ref, clock.now());
  EXPECT_TRUE(finds(ledger, 11)) << "beside the value of another session";
  renew(ledger, 12, 13);
  EXPECT_TRUE(finds(ledger, 12)) << "the value of before of one that began with it";
}

}  // namespace
}  // namespace bonedry::session
