#include "proxy/running_totals.h"

#include "session/mapped_ledger.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bonedry::proxy {
namespace {

class RunningTotalsTest : public testing::Test {
 protected:
  RunningTotalsTest() { add_alice(); }

  /// A node of this name that counts from 0.
  void add_alice() {
    balancer::NodeView view;
    view.node = std::make_shared<balancer::Node>("shop", "alice", sessions_);
    topology_.pools.resize(1);
    topology_.pools[0].config.name = "shop";
    topology_.pools[0].nodes = {view};
  }
  /// The previous process has counted as many users of alice.
  void report(std::uint64_t begun) {
    ProcessTotals totals;
    totals.nodes["shop/alice"].begun = begun;
    totals_.inherit(to_json(totals), topology_);
  }
  [[nodiscard]] std::uint64_t begun() const {
    return topology_.pools[0].nodes[0].node->totals().begun;
  }

  SystemClock clock_;
  io::EventLoop loop_;
  session::MappedLedger ledger_{1000, clock_.now()};
  const Server server_{Server::Parts{loop_, ledger_, clock_, {}, {}}, conf::Config{}};
  const balancer::SessionCounts sessions_;
  balancer::Topology topology_;
  RunningTotals totals_{server_};
};

TEST_F(RunningTotalsTest, AReportReplacesTheOneBefore) {
  report(5);
  topology_.pools[0].nodes[0].node->counters.begun = 2;
  report(7);
  EXPECT_EQ(begun(), 9U);
}

TEST_F(RunningTotalsTest, ANodeThatComesBackGetsNothingTwice) {
  report(5);
  add_alice();
  report(5);
  EXPECT_EQ(begun(), 0U);
  report(8);
  EXPECT_EQ(begun(), 3U) << "the previous process goes on to count";
}

TEST_F(RunningTotalsTest, ANodeThatComesLaterHasAllThatThePreviousProcessCountsOfIt) {
  totals_.inherit(to_json(ProcessTotals{}), topology_);
  report(3);
  EXPECT_EQ(begun(), 3U);
}

TEST_F(RunningTotalsTest, AReportThatCannotBeReadChangesNothing) {
  report(5);
  totals_.inherit("{", topology_);
  EXPECT_EQ(begun(), 5U);
}

}  // namespace
}  // namespace bonedry::proxy
