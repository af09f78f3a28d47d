// How members of a cluster share the states of nodes and agree on what is dry.

#include "tests/unit/cluster/three_members.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace bonedry::admin::cluster::test {
namespace {

NodeRecord in_state(balancer::NodeState state) {
  NodeRecord record;
  record.state = state;
  return record;
}

class AgreementTest : public ThreeMembers {};

TEST_F(AgreementTest, WhatOneMemberDecidesHoldsOnAll) {
  EXPECT_EQ(p2.bleed(kAlice), "");
  p1.nodes().users[kAlice] = {1};
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_EQ(p3.activate(kAlice), "");
  settle();
  EXPECT_EQ(states(kAlice), "active active active");
}

TEST_F(AgreementTest, TheForecastIsOfTheMemberWhoseUsersStayLongest) {
  using std::chrono::minutes;
  const auto about = [](minutes likely) {
    return DryOutlook{DryForecast{likely, likely / 2, likely * 2}, ""};
  };
  p1.bleed(kAlice);
  p2.nodes().users[kAlice] = p3.nodes().users[kAlice] = {1};
  p2.nodes().outlooks[kAlice] = about(minutes{14});
  p3.nodes().outlooks[kAlice] = about(minutes{10});
  settle();
  EXPECT_EQ(p1.cluster().outlook_elsewhere(kAlice), about(minutes{14}));
  EXPECT_EQ(p2.cluster().outlook_elsewhere(kAlice), about(minutes{10})) << "its own is left out";
  p3.nodes().outlooks[kAlice] = {{}, "not enough users have left for a forecast"};
  settle();
  EXPECT_EQ(p1.cluster().outlook_elsewhere(kAlice), p3.nodes().outlooks[kAlice]);
  p3.kill();
  settle();
  pass(60);
  EXPECT_EQ(p1.cluster().outlook_elsewhere(kAlice), about(minutes{14})) << "p3 is silent";
}

TEST_F(AgreementTest, NobodyIsThereAndAllAgreeThatItIsDry) {
  p3.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
  EXPECT_TRUE(nobody_gets_in(kAlice));
}

TEST_F(AgreementTest, AUserOnOneMemberKeepsTheNodeFromBeingDryOnAll) {
  p3.nodes().users[kAlice] = {7};
  p1.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_EQ(p2.blocked(kAlice), "p3: 1 live");
  p3.nodes().users[kAlice].clear();
  pass(30);
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AMemberThatCannotBeHeardBlocksByName) {
  p3.link().link = Link::down;
  pass(60);
  p1.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding active");
  EXPECT_NE(p1.blocked(kAlice).find("p3 has not been heard for"), std::string::npos);
  EXPECT_EQ(p1.cluster().unheard(), std::vector<std::string>{"p3"});
  p3.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, WithTheStoreLostNothingIsDecidedAndNothingChanges) {
  p2.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  for (Member& member : members) member.link().link = Link::down;
  pass(60);
  p2.nodes().users[kAlice].clear();
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_EQ(p1.blocked(kAlice).substr(0, 17), "the store is lost");
  EXPECT_NE(p1.activate(kAlice), "");
  for (Member& member : members) member.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AStoreThatForgetsEverythingChangesNothing) {
  p2.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  board.wipe();
  pass(3);
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  settle();
  p2.nodes().users[kAlice].clear();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AnEmptyStoreAndASilentMember) {
  p3.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  p3.stopped = true;
  board.wipe();
  pass(200);
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_NE(p1.blocked(kAlice).find("p3 has not been heard"), std::string::npos);
}

TEST_F(AgreementTest, ARestartedMemberKnowsWhoBelongsToTheCluster) {
  p3.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  p3.kill();
  p1.kill();
  board.wipe();
  p1.start();
  pass(100);
  EXPECT_EQ(states(kAlice), "bleeding bleeding");
  EXPECT_NE(p1.blocked(kAlice).find("p3 has not been heard since this member started"),
            std::string::npos);
}

TEST_F(AgreementTest, AnAgreementStandsUntilItsLeaderIsHeardToHaveGivenItUp) {
  p1.bleed(kAlice);
  Member* leader = nullptr;
  for (int i = 0; i < 100 && leader == nullptr; ++i) {
    pass(1);
    for (Member& member : members) {
      const auto state = member.disk.memory.states.find(kAlice);
      const bool agreed =
          state != member.disk.memory.states.end() && state->second.stage == DryStage::agreed;
      if (agreed && !state->second.round.starts_with(member.name)) {
        leader = state->second.round.starts_with("p1") ? &p1 : &p2;
      }
    }
  }
  ASSERT_NE(leader, nullptr);
  leader->stopped = true;
  pass(100);
  for (Member& member : members) {
    if (&member == leader) continue;
    EXPECT_FALSE(member.nodes().admits_known(kAlice)) << "it may have announced it";
    EXPECT_FALSE(member.is_dry(kAlice));
  }
  leader->kill();
  leader->start();
  pass(150);
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AForgottenMembersUsersAreWaitedFor) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.kill();
  pass(60);
  EXPECT_TRUE(p1.cluster().forget("p3", "root"));
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding");
  EXPECT_NE(p2.blocked(kAlice).find("p3 has ended: users whom only it knew"), std::string::npos);
  clock.advance(ModelNodes::kLongest);
  settle();
  EXPECT_EQ(states(kAlice), "dry dry");
}

TEST_F(AgreementTest, ANodeThatANewConfigBringsIsNotActivatedByTheRestart) {
  p3.nodes().nodes.erase(kAlice);
  p1.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  p3.kill();
  p3.start();
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
}

TEST_F(AgreementTest, AMemberThatIsHeardIsNotForgotten) {
  EXPECT_EQ(p1.cluster().forget("p3", "root").error(), "p3 is heard, so it has not ended");
  EXPECT_EQ(p1.cluster().forget("p1", "root").error(), "this is p1 itself");
  EXPECT_FALSE(p1.cluster().forget("p9", "root"));
}

TEST_F(AgreementTest, AMemberThatWasForgottenWronglyJoinsAgainAndItsUsersCount) {
  p1.bleed(kAlice);
  p3.nodes().users[kAlice] = {1};
  settle();
  p3.link().link = Link::down;
  pass(60);
  ASSERT_TRUE(p1.cluster().forget("p3", "root"));
  clock.advance(ModelNodes::kLongest);
  pass(40);
  EXPECT_EQ(states(kAlice), "dry dry bleeding");  // by the word of an operator who was wrong
  p3.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
}

TEST_F(AgreementTest, AVoteStandsWhenTheStoreIsLost) {
  p1.bleed(kAlice);
  int steps = 0;
  while (p2.disk.memory.votes.empty() && ++steps < 50) pass(1);
  ASSERT_FALSE(p2.disk.memory.votes.empty());
  for (Member& member : members) member.link().link = Link::down;
  pass(300);
  EXPECT_FALSE(p2.nodes().admits_known(kAlice));
  EXPECT_EQ(states(kAlice).find("dry dry dry"), std::string::npos);
  board.wipe();
  for (Member& member : members) member.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AVoteStandsWhenItsVoterIsRestarted) {
  p1.bleed(kAlice);
  int steps = 0;
  while (p2.disk.memory.votes.empty() && ++steps < 50) pass(1);
  ASSERT_FALSE(p2.disk.memory.votes.empty());
  p2.kill();
  p2.start();
  EXPECT_FALSE(p2.nodes().admits_known(kAlice));
  // A user was on it after all, as its ledger has it: the yes of the process before does not count.
  p2.nodes().users[kAlice] = {1};
  pass(100);
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_TRUE(p2.nodes().admits_known(kAlice)) << "called off";
  p2.nodes().users[kAlice].clear();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, TheLeaderIsKilledAtEachStepAndNobodyIsCalledDryTwice) {
  for (int step = 0; step < 12; ++step) {
    p2.bleed(kAlice);
    pass(step);
    p1.kill();
    pass(3);
    EXPECT_FALSE(p2.is_dry(kAlice) != p3.is_dry(kAlice) && p2.nodes().admits_known(kAlice) &&
                 p3.nodes().admits_known(kAlice))
        << step;
    p1.start();
    settle();
    settle();
    ASSERT_EQ(states(kAlice), "dry dry dry")
        << step << p1.blocked(kAlice) << " | " << p2.blocked(kAlice);
    p2.activate(kAlice);
    settle();
    ASSERT_EQ(states(kAlice), "active active active") << step;
  }
}

TEST_F(AgreementTest, AFullDiskSaysNoYes) {
  p2.disk.full = true;
  p1.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice).find("dry"), std::string::npos);
  p2.disk.full = false;
  settle();
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, UnlikeConfigsBlockTheirPoolAlone) {
  p3.nodes().fingerprints["shop"] = "other";
  pass(10);
  p1.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  EXPECT_NE(p1.blocked(kAlice).find("p3 has another config of pool shop"), std::string::npos);
  p3.nodes().fingerprints["shop"] = "same";
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AMemberThatHasNotSentItsSessionsBlocks) {
  p3.whole = "";
  pass(10);
  p1.bleed(kAlice);
  settle();
  EXPECT_NE(p1.blocked(kAlice).find("p3 has not yet sent its sessions to the store"),
            std::string::npos);
  p3.whole = "follow";
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
}

TEST_F(AgreementTest, AForcedChangeOnAMemberThatIsCutOffResolvesTowardsOutOfRotation) {
  p1.bleed(kAlice);
  settle();
  p3.link().link = Link::down;
  pass(60);
  p3.nodes().change(kAlice, std::nullopt, [] {});  // activate --local
  NodeRecord longer = p1.nodes().records().at(kAlice);
  longer.reason = "not yet";
  p1.nodes().change(kAlice, longer, [] {});
  p3.nodes().users[kAlice] = {9};
  p1.nodes().change(kBob, in_state(balancer::NodeState::maintenance), [] {});
  p3.nodes().change(kBob, in_state(balancer::NodeState::bleeding), [] {});
  pass(10);
  p3.link().link = Link::up;
  pass(10);
  EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding") << "not dry: p3 has a user there";
  EXPECT_EQ(states(kBob), "maintenance maintenance maintenance");
}

TEST_F(AgreementTest, AnOlderStateDoesNotReplaceANewerOne) {
  p1.bleed(kAlice);
  settle();
  p3.kill();
  p1.activate(kAlice);
  settle();
  p3.start();
  settle();
  EXPECT_EQ(states(kAlice), "active active active");
}

TEST_F(AgreementTest, TwoMembersOfOneName) {
  Member other{"p1", board, clock};
  other.start();
  for (int i = 0; i < 20; ++i) {
    pass(1);
    other.tick();
  }
  EXPECT_FALSE(other.cluster().may_serve());
  EXPECT_NE(other.events().find("the name p1 belongs to the state directory of another member"),
            std::string::npos);
  EXPECT_EQ(p1.cluster().cannot_change(), "");
}

TEST_F(AgreementTest, AMemberWithAnotherSecretIsNamed) {
  Member stranger{"p4", board, clock};
  stranger.secrets = {std::string(32, 'x')};
  stranger.start();
  for (int i = 0; i < 20; ++i) {
    pass(1);
    stranger.tick();
  }
  EXPECT_NE(p1.events().find("member p4 cannot be understood: it has another secret"),
            std::string::npos);
  p1.bleed(kAlice);
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry") << "it is not on the roster";
}

TEST_F(AgreementTest, AMemberIsForgottenOnlyAfterItsFenceHasPassed) {
  for (Member& member : members) {
    member.kill();
    member.forget_after = Millis{10'000};
    member.start();
  }
  settle();
  p3.nodes().users[kAlice] = {7};
  p1.bleed(kAlice);
  settle();
  p3.link().link = Link::down;
  int steps = 0;
  for (; p1.cluster().members().size() == 3 && steps < 400; ++steps) {
    pass(1);
    EXPECT_EQ(states(kAlice), "bleeding bleeding bleeding");
  }
  EXPECT_LT(steps, 400);
  EXPECT_LT(p3.fence + Millis{3'000}, clock.now());
  p3.nodes().users[kAlice].clear();  // whom it has taken off
  pass(static_cast<int>(ModelNodes::kLongest / Millis{100}) + 40);
  EXPECT_EQ(states(kAlice), "dry dry bleeding");
  p3.link().link = Link::up;
  settle();
  EXPECT_EQ(states(kAlice), "dry dry dry");
  EXPECT_EQ(p1.cluster().members().size(), 3U) << "it has joined again";
}

TEST_F(AgreementTest, AMemberThatWasAwayItselfForgetsNobody) {
  for (Member& member : members) {
    member.kill();
    member.forget_after = Millis{10'000};
    member.start();
  }
  settle();
  for (Member& member : members) member.link().link = Link::down;
  board.wipe();
  pass(600);
  p1.link().link = Link::up;
  pass(50);
  EXPECT_EQ(p1.cluster().members().size(), 3U);
  p2.link().link = Link::up;
  p3.link().link = Link::up;
  pass(200);
  EXPECT_EQ(p1.cluster().members().size(), 3U);
}

TEST_F(AgreementTest, TooFewMembers) {
  SharedBoard lonely_board;
  Member lonely{"p1", lonely_board, clock};
  lonely.start();
  const auto wait = [&] {
    for (int i = 0; i < 40; ++i) {
      clock.advance(Millis{100});
      lonely.tick();
    }
  };
  wait();
  lonely.bleed(kAlice);
  wait();
  EXPECT_EQ(lonely.blocked(kAlice), "the cluster has 1 of at least 2 members");
}

TEST_F(AgreementTest, AMemberServesNobodyBeforeItHasMetTheStore) {
  p3.kill();
  p3.start();
  EXPECT_FALSE(p3.cluster().may_serve());
  p3.link().link = Link::down;
  settle();
  EXPECT_FALSE(p3.cluster().may_serve());
  EXPECT_EQ(p3.cluster().status().waiting_for, "the store of the cluster");
  ASSERT_TRUE(p3.cluster().start_alone("root"));
  EXPECT_TRUE(p3.cluster().may_serve());
  EXPECT_NE(p3.bleed(kAlice), "");
  p3.link().link = Link::up;
  settle();
  EXPECT_EQ(p3.bleed(kAlice), "");
}

TEST_F(AgreementTest, StatementsOfTheProcessBeforeAreNotTakenForNews) {
  p3.nodes().users[kAlice] = {1};
  p1.bleed(kAlice);
  settle();
  const std::string old = board.statements["p3"];
  p3.kill();
  p3.start();
  settle();
  p3.kill();
  pass(100);
  board.statements["p3"] = old;  // a fail-over that lost the last writes
  settle();
  EXPECT_EQ(p1.cluster().unheard(), std::vector<std::string>{"p3"});
}

}  // namespace
}  // namespace bonedry::admin::cluster::test
