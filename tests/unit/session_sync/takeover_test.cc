// What a member that leaves had comes to another one.
#include "tests/unit/session_sync/session_sync_rig.h"

#include <gtest/gtest.h>

namespace bonedry::admin::cluster {
namespace {

class TakeoverTest : public SessionSyncTest {
 protected:
  static SessionIndex::Alive alive(std::uint64_t number, NodeTag tag) {
    return {key_of(number), tag, session::SessionState::live, minutes{15}, minutes{5}, minutes{30}};
  }
  static std::string text_of(const TakeoverEnd& end) {
    if (end.kind == TakeoverEnd::Kind::done) return "done";
    return (end.kind == TakeoverEnd::Kind::not_now ? "not now: " : "impossible: ") + end.why;
  }
  void take_over() {
    sync->take_over({"p3", "inc3 run1"}, [this](const TakeoverEnd& end) {
      EXPECT_EQ(outcome, "") << "told twice";
      outcome = text_of(end);
    });
  }
  void enter(NodeTag tag, SyncNode::Entrance entrance) {
    for (SyncNode& node : nodes) {
      if (node.tag == tag) node.entrance = entrance;
    }
    sync->on_nodes_changed();
  }
  std::string outcome;
};

TEST_F(TakeoverTest, AllPartsAreTakenIntoTheLedger) {
  connect();
  index.taken = {{5, {alive(1, kShop1)}, {}},
                 {std::nullopt, {alive(2, kShop2)}, {{key_of(7), key_of(2)}}}};
  take_over();
  ticks(3);
  EXPECT_EQ(outcome, "done");
  EXPECT_THAT(index.takeovers, ElementsAre("p3 by inc3 run1 from 0", "p3 by inc3 run1 from 5"));
  ASSERT_THAT(sessions.adopted, SizeIs(2));
  const session::RemoteSession& first = sessions.adopted[0];
  EXPECT_EQ(first.key, key_of(1));
  EXPECT_EQ(first.node, kSlot1);
  EXPECT_EQ(first.state, session::SessionState::live);
  EXPECT_EQ(first.placed - first.created, minutes{10});
  EXPECT_GT(first.ends, clock.now() + minutes{29});
  EXPECT_EQ(sessions.adopted[1].node, kSlot2);
  EXPECT_THAT(sessions.aliased, ElementsAre(std::pair(key_of(7), key_of(2))));
}

TEST_F(TakeoverTest, WhoeverIsOnANodeThatAVoteHoldsIsAskedForAgain) {
  connect();
  enter(kShop1, SyncNode::Entrance::held);
  index.taken = {{std::nullopt, {alive(1, kShop1)}, {}}};
  take_over();
  tick();
  EXPECT_EQ(outcome, "");
  EXPECT_THAT(sessions.adopted, IsEmpty());
  enter(kShop1, SyncNode::Entrance::open);
  index.taken = {{std::nullopt, {alive(1, kShop1)}, {}}};
  ticks(3);
  EXPECT_EQ(outcome, "done");
  EXPECT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_THAT(index.takeovers, ElementsAre("p3 by inc3 run1 from 0", "p3 by inc3 run1 from 0"));
}

TEST_F(TakeoverTest, NobodyIsTakenOntoANodeThatIsDry) {
  connect();
  enter(kShop1, SyncNode::Entrance::shut);
  index.taken = {{std::nullopt, {alive(1, kShop1), alive(2, kShop2)}, {}}};
  take_over();
  ticks(2);
  EXPECT_EQ(outcome, "done");
  ASSERT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_EQ(sessions.adopted[0].key, key_of(2));
}

TEST_F(TakeoverTest, AMemberWithoutOneOfTheNodesCannot) {
  connect();
  index.taken = {{std::nullopt, {alive(1, kShop1), alive(2, NodeTag::of("shop/n3"))}, {}}};
  take_over();
  ticks(2);
  EXPECT_EQ(outcome, "impossible: this member lacks one of its nodes");
  EXPECT_THAT(sessions.adopted, IsEmpty());
}

TEST_F(TakeoverTest, ItFailsWithTheConnection) {
  connect();
  take_over();
  sync->on_lost();
  EXPECT_EQ(outcome, "not now: the store is lost");
  outcome.clear();
  index.lose_all();
  ticks(2);
  EXPECT_EQ(outcome, "") << "of the connection before";
  take_over();
  EXPECT_EQ(outcome, "not now: the store is lost");
}

TEST_F(TakeoverTest, OneIsTakenOverAtATime) {
  connect();
  take_over();
  std::string second;
  sync->take_over({"p4", "t"}, [&](const TakeoverEnd& end) { second = text_of(end); });
  EXPECT_EQ(second, "not now: another member is taken over");
  EXPECT_EQ(sync->everything_sent(), "") << "what it takes over is not yet there";
  ticks(2);
  EXPECT_EQ(outcome, "done");
}

TEST_F(TakeoverTest, WhoLogsOutHereMeanwhileIsNotTakenIn) {
  connect();
  index.taken = {{std::nullopt, {alive(1, kShop1), alive(2, kShop1)}, {}}};
  take_over();
  sessions.due.push_back(at(Kind::left, 1));
  ticks(3);
  EXPECT_EQ(outcome, "done");
  ASSERT_THAT(sessions.adopted, SizeIs(1));
  EXPECT_EQ(sessions.adopted[0].key, key_of(2));
}

TEST_F(TakeoverTest, AnErrorOfTheStoreIsNotTheEnd) {
  connect();
  index.error = "OOM";
  take_over();
  tick();
  EXPECT_EQ(outcome, "not now: OOM");
}

TEST_F(TakeoverTest, NotEverythingIsSentWhileSomethingWaits) {
  EXPECT_EQ(sync->everything_sent(), "");
  connect();
  const std::string token = sync->everything_sent();
  EXPECT_NE(token, "");
  change_many(1, 1);
  EXPECT_EQ(sync->everything_sent(), "");
  turn();
  EXPECT_EQ(sync->everything_sent(), "") << "the index has not answered";
  ticks(2);
  EXPECT_EQ(sync->everything_sent(), token);
  sync->on_lost();
  EXPECT_EQ(sync->everything_sent(), "");
}

}  // namespace
}  // namespace bonedry::admin::cluster
