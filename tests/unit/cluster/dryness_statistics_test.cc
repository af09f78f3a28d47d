// How rounds of dryness ended, as metrics tell it.
#include "admin/cluster/dryness_rounds.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {
namespace {

using balancer::NodeId;
using std::chrono::seconds;

const NodeId kNode{"shop", "alice"};

/// The rounds of p1, in a cluster with p2, whose statement the test writes. Alice is bleeding, and
/// nobody is on it.
class DrynessStatisticsTest : public testing::Test {
 protected:
  DrynessStatisticsTest() {
    roster_.enter("p1", "disk1");
    roster_.enter("p2", "disk2");
    SharedState& state = states_[kNode];
    state.version.advance("p1");
    state.bleed = "bleed1";
    state.record = NodeRecord{};
    said_.name = "p2";
    said_.id = "disk2";
    said_.incarnation = "process2";
    said_.whole = "run";
    said_.pools = pools_;
    hear();
  }

  /// p2 says what `said_` has.
  void hear() {
    ++said_.sequence;
    said_.states = states_;
    said_.looks[kNode] = {states_.at(kNode).version, {}};
    others_.note(said_, clock_.now());
  }
  void step() {
    const View view{clock_.now(), clock_.wall(), name_,  incarnation_, 2,     roster_,
                    others_,      states_,       pools_, "run",        "run", leading_ ? "p1" : "",
                    leading(),    longest_};
    for (const NodeId& node : rounds_.step(view, states_).hold) held_.push_back(node);
  }
  [[nodiscard]] Leading leading() const { return leading_ ? Leading::yes : Leading::no; }
  /// The doors are held here.
  void hold() {
    for (const NodeId& node : std::exchange(held_, {})) rounds_.note_held(node);
  }
  /// p2 answers the round.
  void answer(VoteState state) {
    said_.votes[kNode] = {round_, "bleed1", state};
    hear();
  }
  void begin() {
    step();
    ASSERT_TRUE(rounds_.led().contains(kNode));
    round_ = rounds_.led().at(kNode).id;
  }
  void agree() {
    begin();
    hold();
    answer(VoteState::yes);
    step();
    ASSERT_EQ(states_.at(kNode).stage, DryStage::agreed);
  }
  /// The rounds that were counted: "announced 1".
  [[nodiscard]] std::string counted() const {
    std::string text;
    for (const auto& [end, name] : kRoundEnds) {
      const std::uint64_t count = rounds_.statistics().of(end);
      if (count > 0) text += (text.empty() ? "" : ", ") + (name + (" " + std::to_string(count)));
    }
    return text;
  }

  ManualClock clock_;
  const std::string name_ = "p1";
  const std::string incarnation_ = "process1";
  Roster roster_;
  HeardMembers others_{seconds{5}};
  SharedStates states_;
  std::map<std::string, std::string> pools_{{"shop", "same"}};
  std::function<Millis(std::string_view)> longest_ = [](std::string_view) { return Millis{0}; };
  Statement said_;
  bool leading_ = true;
  std::vector<std::string> blocks_;
  std::vector<NodeId> held_;
  std::string round_;
  int names_ = 0;
  DrynessRounds rounds_{{[this](const NodeId&) { return blocks_; },
                         [this] { return "r" + std::to_string(++names_); }}};
};

TEST_F(DrynessStatisticsTest, ARoundThatIsAnnounced) {
  agree();
  EXPECT_EQ(counted(), "") << "it goes on";
  answer(VoteState::confirmed);
  step();
  EXPECT_EQ(states_.at(kNode).stage, DryStage::announced);
  EXPECT_EQ(counted(), "announced 1");
  step();
  EXPECT_EQ(counted(), "announced 1");
  EXPECT_EQ(rounds_.statistics().yes, 1U);
  EXPECT_EQ(rounds_.statistics().no, 0U);
}

TEST_F(DrynessStatisticsTest, AMemberThatFindsSomebodyBehindItsShutDoor) {
  begin();
  blocks_ = {"1 live session"};
  hold();
  step();
  EXPECT_EQ(counted(), "refused 1");
  EXPECT_EQ(rounds_.statistics().no, 1U);
  EXPECT_EQ(rounds_.statistics().yes, 0U);
}

TEST_F(DrynessStatisticsTest, AnotherMemberThatSaysNo) {
  begin();
  said_.refused = {round_};
  said_.looks[kNode].blocked = {"1 live session"};
  hear();
  step();
  EXPECT_EQ(counted(), "refused 1");
}

TEST_F(DrynessStatisticsTest, AMemberThatFallsSilent) {
  begin();
  clock_.advance(seconds{6});
  step();
  EXPECT_EQ(counted(), "member_silent 1");
}

TEST_F(DrynessStatisticsTest, AMemberThatIsRestarted) {
  begin();
  said_.incarnation = "process3";
  hear();
  step();
  EXPECT_EQ(counted(), "member_restarted 1");
}

TEST_F(DrynessStatisticsTest, AMemberThatJoins) {
  begin();
  roster_.enter("p3", "disk3");
  step();
  EXPECT_EQ(counted(), "members_changed 1");
}

TEST_F(DrynessStatisticsTest, ANodeThatIsActivatedMeanwhile) {
  begin();
  states_.at(kNode).record.reset();
  states_.at(kNode).bleed.clear();
  states_.at(kNode).version.advance("p2");
  step();
  EXPECT_EQ(counted(), "state_changed 1");
}

TEST_F(DrynessStatisticsTest, AMemberThatIsHeardButDoesNotAnswer) {
  begin();
  for (int i = 0; i < 16; ++i) {
    clock_.advance(seconds{1});
    hear();
  }
  step();
  EXPECT_EQ(counted(), "timed_out 1");
}

TEST_F(DrynessStatisticsTest, ALeaderThatLosesItsLease) {
  begin();
  leading_ = false;
  step();
  step();
  EXPECT_EQ(counted(), "lease_lost 1");
}

TEST_F(DrynessStatisticsTest, AnAgreementOfALeaderThatLosesItsLeaseCountsWhenItIsDecided) {
  agree();
  leading_ = false;
  step();
  EXPECT_EQ(counted(), "") << "the next one may announce it";
  leading_ = true;
  answer(VoteState::confirmed);
  step();
  EXPECT_EQ(counted(), "announced 1");
}

TEST_F(DrynessStatisticsTest, AnAgreementThatTheNextLeaderCallsOff) {
  agree();
  leading_ = false;
  step();
  leading_ = true;
  step();
  EXPECT_EQ(states_.at(kNode).stage, DryStage::none);
  EXPECT_EQ(counted(), "lease_lost 1");
}

// Not of statistics, but of what the leader before may still announce.
TEST_F(DrynessStatisticsTest, AnAgreementOfAnotherLeaderIsCalledOffWhenThatOneHasGivenItUp) {
  SharedState& state = states_.at(kNode);
  state.version.advance("p2");
  state.stage = DryStage::agreed;
  state.round = "p2/r1";
  said_.rounds[kNode].id = state.round;
  hear();
  step();
  EXPECT_EQ(states_.at(kNode).stage, DryStage::agreed) << "it still leads the round";
  said_.rounds.clear();
  clock_.advance(seconds{6});
  step();
  EXPECT_EQ(states_.at(kNode).stage, DryStage::agreed) << "it is silent";
  hear();
  step();
  EXPECT_EQ(states_.at(kNode).stage, DryStage::none);
}

}  // namespace
}  // namespace bonedry::admin::cluster
