// The rules of session_script.lua, on a real server.
#include "admin/cluster/session_script.h"
#include "tests/unit/session_sync/store_rig.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <set>

namespace bonedry::admin::cluster {
namespace {

using bonedry::test::kNoRedis;
using bonedry::test::redis_program;
using bonedry::test::RedisServer;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

class IndexScriptTest : public testing::Test {
 protected:
  /// One server for all: it is empty at the beginning of each.
  static void SetUpTestSuite() {
    if (!redis_program().empty()) server_ = std::make_unique<RedisServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << kNoRedis;
    server_->run({"FLUSHALL"});
    store_ = std::make_unique<StoreConnection>(server_->url());
    ASSERT_TRUE(store_->turn_until([this] { return store_->client.connected(); }));
    one = std::make_unique<IndexMember>(*store_, "p1");
    two = std::make_unique<IndexMember>(*store_, "p2");
  }
  static std::string run(const std::vector<std::string>& words) { return server_->run(words); }

  std::unique_ptr<IndexMember> one;
  std::unique_ptr<IndexMember> two;

 private:
  static std::unique_ptr<RedisServer> server_;
  std::unique_ptr<StoreConnection> store_;
};

std::unique_ptr<RedisServer> IndexScriptTest::server_;

// -- Where a session is ---------------------------------------------------------------------------

TEST_F(IndexScriptTest, WhatOneMemberTellsAnotherFinds) {
  IndexOperation told = present(1, kShop1);
  told.place_age = minutes{5};
  one->tell({told});
  const SessionIndex::Found found = two->look_up(1);
  const auto* const alive = std::get_if<SessionIndex::Alive>(&found);
  ASSERT_NE(alive, nullptr);
  EXPECT_EQ(alive->key, key_of(1));
  EXPECT_EQ(alive->tag, kShop1);
  EXPECT_EQ(alive->state, session::SessionState::live);
  EXPECT_GE(alive->age, minutes{15});
  EXPECT_LT(alive->age, minutes{16});
  EXPECT_GE(alive->place_age, minutes{5});
  EXPECT_LT(alive->place_age, minutes{6});
  EXPECT_LE(alive->left, minutes{30});
  EXPECT_GT(alive->left, minutes{29});
}

TEST_F(IndexScriptTest, TheLaterPlacedWins) {
  one->tell({placed(1, kShop1, seconds{50})});
  EXPECT_THAT(two->tell({placed(1, kShop2, seconds{20})}), IsEmpty());
  EXPECT_EQ(one->where(1), kShop2);
}

TEST_F(IndexScriptTest, OfTwoPlacedAtOneMomentTheOneThatLastsLongerWins) {
  IndexOperation shorter = present(1, kShop1);
  shorter.left = minutes{10};
  EXPECT_THAT(one->tell({shorter, present(1, kShop2)}), IsEmpty());
  EXPECT_EQ(one->where(1), kShop2);
  shorter.key = key_of(2);
  EXPECT_THAT(one->tell({present(2, kShop2), shorter}), SizeIs(1));
  EXPECT_EQ(one->where(2), kShop2);
}

TEST_F(IndexScriptTest, AMemberThatPlacedASessionEarlierIsToldWhereItIs) {
  one->tell({placed(1, kShop2, seconds{20})});
  const std::vector<Correction> corrections = two->tell({placed(1, kShop1, seconds{50})});
  ASSERT_THAT(corrections, SizeIs(1));
  EXPECT_EQ(corrections[0].kind, Correction::Kind::is_at);
  EXPECT_EQ(corrections[0].key, key_of(1));
  EXPECT_EQ(corrections[0].tag, kShop2);
  EXPECT_GE(corrections[0].age, seconds{20});
  EXPECT_LT(corrections[0].age, seconds{50});
  EXPECT_EQ(one->where(1), kShop2);
}

TEST_F(IndexScriptTest, AMoveIsAChangeForTheOthers) {
  one->tell({placed(1, kShop1, seconds{50}), placed(2, kShop1, seconds{50})});
  two->tell({placed(1, kShop2, seconds{20})});
  const SessionIndex::Changes changes = one->changes(0);
  ASSERT_THAT(changes.changes, SizeIs(1));
  EXPECT_EQ(changes.changes[0].kind, IndexChange::Kind::moved);
  EXPECT_EQ(changes.changes[0].key, key_of(1));
  EXPECT_EQ(changes.changes[0].tag, kShop2);
  EXPECT_GE(changes.changes[0].age, seconds{20});
  EXPECT_LT(changes.changes[0].age, seconds{50});
  EXPECT_THAT(two->changes(0).changes, IsEmpty()) << "it knows what it did itself";
}

TEST_F(IndexScriptTest, TheLaterEndAndTheEarlierBeginningWin) {
  IndexOperation earlier = present(1, kShop1);
  earlier.age = hours{2};
  earlier.left = minutes{10};
  one->tell({earlier});
  two->tell({present(1, kShop1)});
  one->tell({earlier});
  const auto alive = std::get<SessionIndex::Alive>(one->look_up(1));
  EXPECT_GE(alive.age, hours{2});
  EXPECT_GT(alive.left, minutes{29});
}

TEST_F(IndexScriptTest, ASessionThatIsLiveAnywhereIsLive) {
  one->tell({pending(1, kShop1)});
  EXPECT_EQ(one->counted(), "0/1 0/0");
  two->tell({present(1, kShop1)});
  one->tell({pending(1, kShop1)});
  EXPECT_EQ(one->counted(), "1/0 0/0");
}

TEST_F(IndexScriptTest, WhatIsPastItsEndIsNotThere) {
  IndexOperation over = present(1, kShop1);
  over.left = Millis{0};
  one->tell({over});
  EXPECT_EQ(one->where(1), std::nullopt);
  EXPECT_EQ(one->counted(), "0/0 0/0");
  one->tell({present(1, kShop2)});
  EXPECT_EQ(one->counted(), "0/0 1/0");
}

// -- Endings --------------------------------------------------------------------------------------

TEST_F(IndexScriptTest, ALogoutEndsASessionForAllMembers) {
  one->tell({present(1, kShop1)});
  two->tell({present(1, kShop1)});
  two->tell({left(1)});
  EXPECT_TRUE(one->knows_end_of(1));
  EXPECT_EQ(one->counted(), "0/0 0/0");
  const SessionIndex::Changes changes = one->changes(0);
  ASSERT_THAT(changes.changes, SizeIs(1));
  EXPECT_EQ(changes.changes[0].kind, IndexChange::Kind::left);
  EXPECT_EQ(changes.changes[0].key, key_of(1));
}

TEST_F(IndexScriptTest, AMemberThatHasNotHeardOfALogoutCannotBringTheSessionBack) {
  one->tell({present(1, kShop1), left(1, seconds{5})});
  const std::vector<Correction> corrections = two->tell({present(1, kShop1)});
  ASSERT_THAT(corrections, SizeIs(1));
  EXPECT_EQ(corrections[0].kind, Correction::Kind::ended);
  EXPECT_EQ(corrections[0].key, key_of(1));
  EXPECT_GE(corrections[0].age, seconds{5});
  EXPECT_LT(corrections[0].age, minutes{1});
  EXPECT_EQ(two->counted(), "0/0 0/0");
}

TEST_F(IndexScriptTest, ALogoutThatIsToldLateDoesNotEndWhatBeganAfterIt) {
  IndexOperation later = present(1, kShop1);
  later.age = later.place_age = seconds{10};
  two->tell({later});
  one->tell({left(1, seconds{60})});
  EXPECT_EQ(two->where(1), kShop1);
  EXPECT_THAT(two->changes(0).changes, IsEmpty());
}

TEST_F(IndexScriptTest, WhatBeginsAfterALogoutCounts) {
  one->tell({left(1, seconds{60})});
  IndexOperation later = present(1, kShop1);
  later.age = later.place_age = seconds{10};
  EXPECT_THAT(two->tell({later}), IsEmpty());
  EXPECT_EQ(one->where(1), kShop1);
}

TEST_F(IndexScriptTest, AnEndIsForgottenWhenNoMemberCanHaveTheSession) {
  IndexOperation forgotten = left(1);
  forgotten.left = Millis{0};
  one->tell({forgotten});
  EXPECT_FALSE(one->knows_end_of(1));
}

TEST_F(IndexScriptTest, ALogoutThatIsToldAgainIsNoChange) {
  one->tell({present(1, kShop1), left(1)});
  one->tell({left(1)});
  EXPECT_THAT(two->changes(0).changes, SizeIs(1));
}

TEST_F(IndexScriptTest, ASessionThatTimesOutAtItsOnlyMemberIsOver) {
  one->tell({present(1, kShop1)});
  IndexOperation last = present(1, kShop1);
  one->tell({last, expired(1, minutes{30})});
  EXPECT_EQ(one->counted(), "0/0 0/0");
  EXPECT_EQ(one->where(1), std::nullopt);
  EXPECT_FALSE(one->knows_end_of(1)) << "only a logout must be remembered";
}

TEST_F(IndexScriptTest, AMemberWhoseViewIsOldCannotEndASessionThatLivesElsewhere) {
  one->tell({present(1, kShop1)});
  two->tell({present(1, kShop1)});
  one->tell({expired(1, minutes{30})});
  EXPECT_EQ(two->where(1), kShop1);
  EXPECT_EQ(two->counted(), "1/0 0/0");
  two->tell({expired(1, minutes{30})});
  EXPECT_EQ(two->counted(), "0/0 0/0");
}

TEST_F(IndexScriptTest, ASessionThatWasSaidToLastLongerDoesNotTimeOutEarlier) {
  one->tell({present(1, kShop1)});
  one->tell({expired(1, seconds{30})});  // older than its last use, which came first
  EXPECT_EQ(one->where(1), kShop1);
}

TEST_F(IndexScriptTest, AMemberThatHasNeverHadASessionCannotEndIt) {
  one->tell({present(1, kShop1)});
  two->tell({expired(1, minutes{30})});
  EXPECT_EQ(one->counted(), "1/0 0/0");
}

TEST_F(IndexScriptTest, WhoFindsASessionHasIt) {
  one->tell({present(1, kShop1)});
  EXPECT_EQ(two->where(1), kShop1);
  one->tell({expired(1, minutes{30})});
  EXPECT_EQ(one->counted(), "1/0 0/0") << "the other has taken it over";
}

// -- Other names ----------------------------------------------------------------------------------

TEST_F(IndexScriptTest, ARenewedSessionIsFoundByBothValuesAndCountedOnce) {
  one->tell({present(1, kShop1)});
  one->tell({renewed(1, 2, kShop1)});
  EXPECT_EQ(std::get<SessionIndex::Alive>(two->look_up(1)).key, key_of(2));
  EXPECT_EQ(std::get<SessionIndex::Alive>(two->look_up(2)).key, key_of(2));
  EXPECT_EQ(two->counted(), "1/0 0/0");
  const SessionIndex::Changes changes = two->changes(0);
  ASSERT_THAT(changes.changes, SizeIs(1));
  EXPECT_EQ(changes.changes[0].kind, IndexChange::Kind::renewed);
  EXPECT_EQ(changes.changes[0].key, key_of(1));
  EXPECT_EQ(changes.changes[0].other, key_of(2));
}

TEST_F(IndexScriptTest, WhoKnowsOnlyTheOldValueIsToldTheNewOne) {
  two->tell({present(1, kShop1)});
  one->tell({renewed(1, 2, kShop1)});
  const std::vector<Correction> corrections = two->tell({present(1, kShop1)});
  ASSERT_THAT(corrections, SizeIs(1));
  EXPECT_EQ(corrections[0].kind, Correction::Kind::renewed);
  EXPECT_EQ(corrections[0].key, key_of(1));
  EXPECT_EQ(corrections[0].other, key_of(2));
  EXPECT_EQ(two->counted(), "1/0 0/0");
}

TEST_F(IndexScriptTest, ARenewalKeepsTheNodeThatAnotherMemberMovedTheSessionTo) {
  one->tell({placed(1, kShop1, seconds{50})});
  two->tell({placed(1, kShop2, seconds{20})});
  IndexOperation renewal = renewed(1, 2, kShop1);
  renewal.place_age = seconds{50};
  EXPECT_THAT(one->tell({renewal}), SizeIs(1));
  EXPECT_EQ(one->where(2), kShop2);
  EXPECT_EQ(one->counted(), "0/0 1/0");
}

TEST_F(IndexScriptTest, ARenewalThatIsToldAgainIsNoChange) {
  one->tell({present(1, kShop1), renewed(1, 2, kShop1)});
  one->tell({renewed(1, 2, kShop1)});
  EXPECT_THAT(two->changes(0).changes, SizeIs(1));
  EXPECT_EQ(two->counted(), "1/0 0/0");
}

TEST_F(IndexScriptTest, AnEndedSessionCannotBeRenewed) {
  one->tell({present(1, kShop1)});
  two->tell({left(1)});
  const std::vector<Correction> corrections = one->tell({renewed(1, 2, kShop1)});
  ASSERT_THAT(corrections, SizeIs(1));
  EXPECT_EQ(corrections[0].kind, Correction::Kind::ended);
  EXPECT_EQ(one->counted(), "0/0 0/0");
}

TEST_F(IndexScriptTest, ASessionIsFoundByManyRenewalsAndUncertainBeyond) {
  one->join("run");
  one->complete("run");
  one->tell({present(1, kShop1)});
  for (std::uint64_t i = 1; i < 30; ++i) one->tell({renewed(i, i + 1, kShop1)});
  EXPECT_EQ(std::get<SessionIndex::Alive>(one->look_up(14)).key, key_of(30));
  const SessionIndex::Found first = one->look_up(1);
  EXPECT_FALSE(std::get<SessionIndex::Unknown>(first).knows_us) << "it may not be called over";
}

TEST_F(IndexScriptTest, AnAliasFindsItsSession) {
  one->tell({present(1, kShop1)});
  one->tell({aliased(7, 1)});
  EXPECT_EQ(std::get<SessionIndex::Alive>(two->look_up(7)).key, key_of(1));
  EXPECT_EQ(two->counted(), "1/0 0/0");
  const SessionIndex::Changes changes = two->changes(0);
  ASSERT_THAT(changes.changes, SizeIs(1));
  EXPECT_EQ(changes.changes[0].kind, IndexChange::Kind::aliased);
  EXPECT_EQ(changes.changes[0].key, key_of(7));
  EXPECT_EQ(changes.changes[0].other, key_of(1));
}

TEST_F(IndexScriptTest, ALogoutByAnAliasEndsItsSession) {
  one->tell({present(1, kShop1), aliased(7, 1)});
  two->tell({left(7)});
  EXPECT_TRUE(one->knows_end_of(1));
  EXPECT_TRUE(one->knows_end_of(7));
  EXPECT_EQ(one->counted(), "0/0 0/0");
}

TEST_F(IndexScriptTest, AnAliasCannotTakeTheKeyOfASession) {
  one->tell({present(1, kShop1), present(2, kShop2)});
  two->tell({aliased(1, 2)});
  EXPECT_EQ(one->where(1), kShop1);
}

TEST_F(IndexScriptTest, AliasesThatLeadInACircleFindNothing) {
  one->tell({aliased(1, 2), aliased(2, 1)});
  EXPECT_EQ(one->where(1), std::nullopt);
  one->tell({left(1)});
}

// -- Members that leave ---------------------------------------------------------------------------

TEST_F(IndexScriptTest, WhatAMemberLeavesIsTakenOver) {
  for (std::uint64_t i = 1; i <= 30; ++i) one->tell({present(i, i <= 20 ? kShop1 : kShop2)});
  one->tell({aliased(77, 3), left(4), expired(5, minutes{30})});
  two->tell({present(40, kShop1)});
  one->complete("all");
  const std::optional<SessionIndex::Taken> taken = two->take_over("p1", "all");
  ASSERT_TRUE(taken);
  std::set<session::SessionKey> keys;
  for (const SessionIndex::Alive& session : taken->sessions) {
    keys.insert(session.key);
    EXPECT_GE(session.age, minutes{15});
    EXPECT_GT(session.left, minutes{29});
  }
  EXPECT_THAT(keys, SizeIs(28));
  EXPECT_FALSE(keys.contains(key_of(4)));
  EXPECT_FALSE(keys.contains(key_of(5)));
  EXPECT_FALSE(keys.contains(key_of(40)));
  ASSERT_THAT(taken->aliases, SizeIs(1));
  EXPECT_EQ(taken->aliases[0].key, key_of(77));
  EXPECT_EQ(taken->aliases[0].of, key_of(3));
  one->tell({expired(1, minutes{30})});
  EXPECT_EQ(one->where(1), kShop1) << "the other has it now";
}

TEST_F(IndexScriptTest, AMemberThatHasNotSentAllIsNotTakenOver) {
  one->tell({present(1, kShop1)});
  EXPECT_FALSE(two->take_over("p1", "all")) << "it has said nothing";
  one->complete("another");
  EXPECT_FALSE(two->take_over("p1", "all"));
  EXPECT_FALSE(two->take_over("p9", "all")) << "nobody knows it";
}

// -- Counts ---------------------------------------------------------------------------------------

TEST_F(IndexScriptTest, EachUserIsCountedOnceHoweverManyMembersHaveHim) {
  for (IndexMember* const member : {one.get(), two.get(), one.get()}) {
    member->tell({present(1, kShop1), present(2, kShop1), pending(3, kShop2)});
  }
  EXPECT_EQ(one->counted(), "2/0 0/1");
  EXPECT_EQ(two->counted(), "2/0 0/1");
}

TEST_F(IndexScriptTest, AMovedUserIsCountedWhereHeIs) {
  one->tell({placed(1, kShop1, seconds{50})});
  two->tell({placed(1, kShop2, seconds{20})});
  EXPECT_EQ(one->counted(), "0/0 1/0");
}

TEST_F(IndexScriptTest, TheCountsNameTheMembersThatHaveSentAll) {
  EXPECT_THAT(one->counts().complete, IsEmpty());
  EXPECT_FALSE(one->join("a run1").complete);
  one->complete("a run1");
  const SessionIndex::Counts counts = two->counts();
  ASSERT_THAT(counts.complete, SizeIs(1));
  EXPECT_EQ(counts.complete[0].name, "p1");
  EXPECT_EQ(counts.complete[0].token, "a run1");
  EXPECT_LT(counts.complete[0].heard, minutes{1});
}

TEST_F(IndexScriptTest, AMemberIsHeardWhenItHasNothingMoreToSend) {
  one->join("a run1");
  one->complete("a run1");
  run({"HSET", "t:heard", "p1", "1000"});
  one->counts(SessionIndex::Backlog::some);
  EXPECT_GT(two->counts().complete.at(0).heard, hours{1});
  one->counts(SessionIndex::Backlog::none);
  EXPECT_LT(two->counts().complete.at(0).heard, minutes{1});
}

TEST_F(IndexScriptTest, TheWordOfAMemberHoldsForOneProcessAndOneRunOfTheServer) {
  one->join("a run1");
  one->complete("a run1");
  EXPECT_TRUE(one->join("a run1").complete) << "only the connection was lost";
  EXPECT_FALSE(one->join("b run1").complete);
  EXPECT_THAT(two->counts().complete, IsEmpty()) << "nor does it hold for others any longer";
}

TEST_F(IndexScriptTest, AnIndexThatCameUpEmptySaysThatItDoesNotKnow) {
  one->join("a run1");
  one->complete("a run1");
  EXPECT_TRUE(std::get<SessionIndex::Unknown>(one->look_up(1)).knows_us);
  run({"FLUSHALL"});
  EXPECT_FALSE(std::get<SessionIndex::Unknown>(one->look_up(1)).knows_us);
}

// -- Changes --------------------------------------------------------------------------------------

TEST_F(IndexScriptTest, ChangesAreReadOnEachInItsOrder) {
  for (std::uint64_t i = 1; i <= 5; ++i) one->tell({left(i)});
  SessionIndex::Changes read = two->changes(0, 3);
  EXPECT_THAT(read.changes, SizeIs(3));
  EXPECT_EQ(read.last, 3U);
  EXPECT_FALSE(read.gap);
  read = two->changes(read.last, 3);
  ASSERT_THAT(read.changes, SizeIs(2));
  EXPECT_EQ(read.changes[1].key, key_of(5));
  EXPECT_EQ(read.last, 5U);
  read = two->changes(read.last, 3);
  EXPECT_EQ(read.last, 5U);
  EXPECT_FALSE(read.gap);
  EXPECT_EQ(two->join("token").last_change, 5U);
}

TEST_F(IndexScriptTest, ChangesThatWereDroppedAreAGap) {
  for (std::uint64_t i = 1; i <= 5; ++i) one->tell({left(i)});
  run({"XTRIM", "t:changes", "MAXLEN", "2"});
  const SessionIndex::Changes read = two->changes(1);
  EXPECT_TRUE(read.gap);
  EXPECT_THAT(read.changes, SizeIs(2));
  EXPECT_EQ(read.last, 5U);
  EXPECT_FALSE(two->changes(3).gap) << "it had read those that were dropped";
}

TEST_F(IndexScriptTest, AnIndexWithFewerChangesThanWereReadIsAGap) {
  for (std::uint64_t i = 1; i <= 5; ++i) one->tell({left(i)});
  run({"FLUSHALL"});
  EXPECT_TRUE(two->changes(5).gap);
  EXPECT_EQ(two->changes(5).last, 0U);
  one->tell({left(1)});
  const SessionIndex::Changes read = two->changes(5);
  EXPECT_TRUE(read.gap);
  EXPECT_EQ(read.last, 1U);
}

// -- Displacements --------------------------------------------------------------------------------

TEST_F(IndexScriptTest, WhoWasTakenOffANodeIsNotCountedThere) {
  one->tell({present(1, kShop1), present(2, kShop1), pending(3, kShop1), present(4, kShop2)});
  one->displace(kShop1, "bleed 1");
  EXPECT_EQ(two->counted(), "0/0 1/0");
  IndexOperation used = present(1, kShop1);
  used.left = minutes{40};
  one->tell({used});
  two->tell({present(1, kShop1)});
  EXPECT_EQ(two->counted(), "0/0 1/0") << "a member that has not heard of it told it again";
  one->tell({placed(1, kShop2, Millis{0})});
  EXPECT_EQ(two->counted(), "0/0 2/0");
  EXPECT_EQ(two->where(1), kShop2);
}

TEST_F(IndexScriptTest, OneOccasionDisplacesOnce) {
  one->displace(kShop1, "bleed 1", seconds{60});
  one->tell({placed(1, kShop1, seconds{10})});
  two->displace(kShop1, "bleed 1");
  EXPECT_EQ(one->counted(), "1/0 0/0") << "he came after the first one";
  two->displace(kShop1, "bleed 2");
  EXPECT_EQ(one->counted(), "0/0 0/0");
}

TEST_F(IndexScriptTest, WhoCameAfterADisplacementThatIsToldLateIsCounted) {
  one->tell({placed(1, kShop1, seconds{50}), placed(2, kShop1, seconds{10})});
  one->displace(kShop1, "bleed 1", seconds{30});
  one->clean();
  EXPECT_EQ(one->counted(), "1/0 0/0");
  EXPECT_EQ(one->where(2), kShop1);
  EXPECT_EQ(run({"ZCARD", "t:rest"}), "1") << "the other is kept until its end";
  EXPECT_EQ(run({"SCARD", "t:gone"}), "0");
}

// -- Cleaning -------------------------------------------------------------------------------------

TEST_F(IndexScriptTest, CleaningDropsWhatIsPastItsEndAndNothingElse) {
  std::vector<IndexOperation> told;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    told.push_back(i % 2 == 0 ? pending(i, kShop2) : present(i, kShop1));
    told.back().left = Millis{0};
  }
  told.push_back(left(6));
  told.back().left = Millis{0};
  told.push_back(aliased(7, 8));
  told.back().left = Millis{0};
  told.push_back(present(8, kShop1));
  told.push_back(left(9));
  told.push_back(aliased(10, 8));
  one->tell(told);
  EXPECT_EQ(one->clean(4), 4U);
  EXPECT_EQ(one->clean(100), 3U);
  EXPECT_EQ(one->clean(100), 0U);
  EXPECT_EQ(one->where(8), kShop1);
  EXPECT_EQ(one->where(10), kShop1);
  EXPECT_TRUE(one->knows_end_of(9));
  const std::string count_entries =
      "local n = 0 for _, b in ipairs(redis.call('KEYS', 't:s:*')) do n = n + redis.call('HLEN', "
      "b) "
      "end return n";
  EXPECT_EQ(run({"EVAL", count_entries, "0"}), "3");
}

TEST_F(IndexScriptTest, AThousandNamesOfMembersAreNotTooMany) {
  one->tell({present(1, kShop1)});
  one->counts(SessionIndex::Backlog::none);
  for (int i = 0; i < 300; ++i)
    run({"EVALSHA", std::string(session_script_sha1()), "0", "changes", "t",
         "pod" + std::to_string(i), "0", "1"});
  EXPECT_EQ(run({"HLEN", "t:members"}), "255");
  EXPECT_EQ(run({"HGET", "t:members", "p1"}), "1") << "it is the one that is heard";
  two->tell({present(2, kShop1)});
  EXPECT_EQ(one->counted(), "2/0 0/0");
}

// -- A store that has something else
// ---------------------------------------------------------------

TEST_F(IndexScriptTest, EntriesThatCannotBeReadAreAsIfTheyWereNotThere) {
  one->tell({present(1, kShop1)});
  for (const std::string key : {"0", "1", "2", "3"}) {
    run({"EVAL",
         "for _, b in ipairs(redis.call('KEYS', 't:s:*')) do for _, f in "
         "ipairs(redis.call('HKEYS', b)) do redis.call('HSET', b, f, string.rep(ARGV[1], "
         "tonumber(ARGV[2]))) end end",
         "0", std::string(1, static_cast<char>(key[0] - '0')), "9"});
    EXPECT_EQ(one->where(1), std::nullopt);
    EXPECT_THAT(one->tell({left(2), expired(1), aliased(3, 1)}), IsEmpty());
  }
  EXPECT_THAT(one->tell({present(1, kShop1)}), IsEmpty());
  EXPECT_EQ(one->where(1), kShop1);
}

TEST_F(IndexScriptTest, AKeyOfAnotherKindIsAnError) {
  run({"SET", "t:changes", "mine"});
  std::string error;
  one->index.read_changes(0, 1, [&error](const Result<SessionIndex::Changes>& read) {
    error = read ? "none" : read.error();
  });
  one->counted();  // is answered after it
  EXPECT_THAT(error, testing::StartsWith("WRONGTYPE"));
}

TEST_F(IndexScriptTest, TheScriptIsLoadedAgainWhereItIsMissing) {
  one->tell({present(1, kShop1)});
  run({"SCRIPT", "FLUSH"});
  EXPECT_EQ(one->where(1), kShop1);
}

}  // namespace
}  // namespace bonedry::admin::cluster
