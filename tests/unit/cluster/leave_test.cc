// Members that are stopped, and what becomes of the users whom only they knew.
#include "tests/unit/cluster/three_members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bonedry::admin::cluster::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class LeaveTest : public ThreeMembers {
 protected:
  std::vector<std::string> present(Member& member) {
    std::vector<std::string> names;
    for (const MemberStatus& one : member.cluster().status().members) names.push_back(one.name);
    return names;
  }
};

TEST_F(LeaveTest, AnotherMemberHasItsSessionsAndItIsNotWaitedFor) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1, 2};
  settle();
  p3.leave();
  settle();
  EXPECT_FALSE(p3.runs());
  EXPECT_THAT(present(p2), ElementsAre("p1", "p2"));
  EXPECT_THAT(p1.nodes().users[kAlice], ElementsAre(1, 2));
  EXPECT_THAT(p2.events(), HasSubstr("p3 has left, and another member has its sessions"));
  board.wipe();
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding");
  p1.nodes().users[kAlice].clear();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry");
}

TEST_F(LeaveTest, ItEndsWhenAnotherMemberHasHeardThatItHasLeft) {
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.leave();
  for (int i = 0; i < 100 && p3.runs(); ++i) pass(1);
  ASSERT_FALSE(p3.runs());
  EXPECT_FALSE(p1.disk.memory.roster.is_present("p3") && p2.disk.memory.roster.is_present("p3"));
}

TEST_F(LeaveTest, AMemberThatTakesOverAndFallsSilentIsReplaced) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p1.stopped = true;
  p3.leave();
  pass(80);
  EXPECT_FALSE(p3.runs());
  EXPECT_THAT(p2.nodes().users[kAlice], ElementsAre(1));
  p1.stopped = false;
  settle();
  EXPECT_THAT(present(p1), ElementsAre("p1", "p2"));
}

TEST_F(LeaveTest, AMemberThatFallsSilentWhileItTakesOverIsReplaced) {
  for (const int after : {0, 1, 3, 6, 10}) {
    p1.bleed(kAlice);
    p3.nodes().users[kAlice] = {1};
    settle();
    p1.takes_over = Member::TakesOver::later;
    p3.leave();
    pass(after);
    p1.stopped = true;
    pass(120);
    EXPECT_FALSE(p3.runs());
    EXPECT_THAT(p2.nodes().users[kAlice], ElementsAre(1)) << after;
    EXPECT_THAT(p2.blocked(kAlice), Not(HasSubstr("p3 has ended"))) << after;
    p1.stopped = false;
    p1.takes_over = Member::TakesOver::now;
    p2.nodes().users[kAlice].clear();
    p1.nodes().users[kAlice].clear();
    p3.start();
    settle();
    p3.nodes().users[kAlice].clear();
    p2.activate(kAlice);
    settle();
  }
}

TEST_F(LeaveTest, AFailureThatPassesIsNotTheEnd) {
  p2.kill();
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p1.takes_over = Member::TakesOver::after_failing;
  p3.leave();
  settle();
  EXPECT_FALSE(p3.runs());
  EXPECT_THAT(p1.nodes().users[kAlice], ElementsAre(1));
  EXPECT_THAT(p1.blocked(kAlice), Not(HasSubstr("p3 has ended")));
}

TEST_F(LeaveTest, OneThatLeavesWaitsUntilAnotherHasBeenTakenOver) {
  p1.bleed(kAlice);
  p2.nodes().users[kAlice] = {2};
  p3.nodes().users[kAlice] = {1};
  settle();
  p1.takes_over = Member::TakesOver::later;
  p2.leave();
  p3.leave();
  pass(100);
  p1.takes_over = Member::TakesOver::now;
  settle();
  EXPECT_THAT(p1.nodes().users[kAlice], ElementsAre(1, 2));
  EXPECT_THAT(p1.blocked(kAlice), Not(HasSubstr("has ended")));
}

TEST_F(LeaveTest, OneThatTakesOverAndLeavesItselfHandsBothOver) {
  for (const int later : {0, 1, 2, 4, 8}) {
    p1.bleed(kAlice);
    p3.nodes().users[kAlice] = {1};
    settle();
    p1.takes_over = Member::TakesOver::later;
    p3.leave();
    pass(10);
    p1.leave();
    pass(later);
    p1.takes_over = Member::TakesOver::now;
    settle();
    EXPECT_THAT(p2.nodes().users[kAlice], ElementsAre(1)) << later;
    p2.nodes().users[kAlice].clear();
    p2.activate(kAlice);
    p1.start();
    p3.start();
    settle();
    p1.nodes().users[kAlice].clear();
    p3.nodes().users[kAlice].clear();
  }
}

TEST_F(LeaveTest, WhatAMemberHasDecidedHoldsWhenItHasEnded) {
  p3.kill();
  pass(80);
  p2.link().link = Link::down;
  pass(80);
  EXPECT_EQ(p1.bleed(kAlice), "");
  pass(20);
  p1.leave();
  pass(60);
  ASSERT_FALSE(p1.runs());
  p2.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "bleeding");
  EXPECT_FALSE(p2.nodes().admits_new(kAlice));
  EXPECT_THAT(p2.events(), HasSubstr("p1 has ended, and no other member has its sessions"));
}

TEST_F(LeaveTest, WhatWasCalledDryStaysSoWhenWhoCalledItSoHasEnded) {
  p1.bleed(kAlice);
  Member* first = nullptr;
  for (int i = 0; i < 100 && first == nullptr; ++i) {
    clock.advance(Millis{100});
    for (Member& member : members) {
      member.tick();
      if (first == nullptr && member.is_dry(kAlice)) first = &member;
    }
  }
  ASSERT_NE(first, nullptr);
  for (Member& member : members) {
    if (&member != first) member.link().link = Link::down;
  }
  pass(80);
  first->leave();
  pass(60);
  ASSERT_FALSE(first->runs());
  Member& back = first == &p2 ? p3 : p2;
  back.link().link = Link::up;
  pass(100);
  EXPECT_TRUE(back.is_dry(kAlice));
  EXPECT_FALSE(back.nodes().admits_known(kAlice));
}

TEST_F(LeaveTest, AClockThatIsBehindDoesNotShortenTheTime) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.link().link = Link::down;
  pass(80);
  Roster last = p2.disk.memory.roster;
  last.forget("p3", clock.wall() - std::chrono::minutes{30});  // by another clock
  p2.disk.memory.roster = last;
  p2.kill();
  p2.start();
  settle();
  EXPECT_THAT(p1.blocked(kAlice), HasSubstr("p3 has ended"));
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
}

TEST_F(LeaveTest, WithoutTheStoreItEndsAndIsWaitedFor) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.link().link = Link::down;
  pass(10);
  p3.leave();
  pass(120);
  EXPECT_FALSE(p3.runs());
  EXPECT_THAT(present(p1), ElementsAre("p1", "p2", "p3"));
  EXPECT_THAT(p1.blocked(kAlice), HasSubstr("p3 has not been heard"));
}

TEST_F(LeaveTest, TheLastMemberBlocksUntilItsSessionsWouldHaveEnded) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p1.leave();
  p2.leave();
  pass(10);
  p3.leave();
  settle();
  ASSERT_FALSE(p1.runs() || p2.runs() || p3.runs());
  EXPECT_TRUE(p3.disk.memory.roster.present().empty());
  p1.members_wanted = 1;
  p1.start();
  settle();
  EXPECT_THAT(present(p1), ElementsAre("p1"));
  EXPECT_THAT(p1.blocked(kAlice), HasSubstr("p3 has ended: users whom only it knew"));
  EXPECT_EQ(states(kAlice), "bleeding");
  clock.advance(ModelNodes::kLongest);
  settle();
  EXPECT_EQ(states(kAlice), "dry");
}

TEST_F(LeaveTest, AVoteIsNotLeftBehind) {
  p1.bleed(kAlice);
  for (int i = 0; i < 40 && p3.disk.memory.votes.empty(); ++i) pass(1);
  ASSERT_FALSE(p3.disk.memory.votes.empty());
  p3.leave();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry");
  EXPECT_FALSE(p3.runs());
  EXPECT_THAT(present(p1), ElementsAre("p1", "p2"));
}

TEST_F(LeaveTest, AMemberThatComesBackWithItsOldSessionsRetractsNothing) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.leave();
  settle();
  p1.nodes().users[kAlice].clear();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry");
  p3.disk.users[kAlice] = {1};  // its ledger, which has heard nothing of that
  p3.whole = "";
  p3.start();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
  EXPECT_THAT(p3.events(), Not(HasSubstr("not dry")));
}

}  // namespace
}  // namespace bonedry::admin::cluster::test
