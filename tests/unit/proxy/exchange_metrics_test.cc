// What is counted of an exchange at its node.
#include "tests/unit/proxy/exchange_rig.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace bonedry::proxy::test {
namespace {

using testing::ElementsAre;

class ExchangeMetricsTest : public ExchangeTest {
 protected:
  static constexpr const char* kGet = "GET /x HTTP/1.1\r\n";
  static constexpr const char* kPost = "POST /x HTTP/1.1\r\nContent-Length: 5\r\n";
  static constexpr const char* kUpgrade =
      "GET /chat HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
  static constexpr const char* kSwitching =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
};

TEST_F(ExchangeMetricsTest, AnExchangeCountsWithItsDurationAndItsBytes) {
  only(kAlice);
  client.unread = {"hello"};
  ask(kPost);
  pass(Millis{70});
  answer_all(kAlice);
  const balancer::NodeTotals totals = counted(kAlice);
  EXPECT_THAT(totals.responses, ElementsAre(0U, 0U, 1U, 0U, 0U, 0U));
  EXPECT_EQ(totals.duration.count(), 1U);
  EXPECT_EQ(totals.duration.sum_ms, 70U);
  EXPECT_EQ(totals.bytes_in, 5U);
  EXPECT_EQ(totals.bytes_out, 2U);
  EXPECT_EQ(totals.connect.count(), 0U) << "its connection was open";
  EXPECT_EQ(totals.queue.count(), 0U);
  EXPECT_EQ(counted(kBob).exchanges(), 0U);
}

TEST_F(ExchangeMetricsTest, TheConnectIsMeasured) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::connecting;
  ask(kGet);
  pass(Millis{30});
  stream(kAlice).exchange->on_connected();
  EXPECT_EQ(counted(kAlice).connect.count(), 1U);
  EXPECT_EQ(counted(kAlice).connect.sum_ms, 30U);
}

TEST_F(ExchangeMetricsTest, AConnectThatFailsIsAFailureAndHasNoTime) {
  nodes_[kAlice].offer = nodes_[kBob].offer = Offer::connecting;
  only(kAlice);
  ask(kGet);
  only(kBob);
  fail(kAlice, {EndReason::connect_timeout, Retry::other_node, ETIMEDOUT});
  EXPECT_EQ(counted(kAlice).failures, 1U);
  EXPECT_EQ(counted(kAlice).connect.count(), 0U);
  EXPECT_EQ(counted(kAlice).exchanges(), 0U) << "it goes on with bob";
  stream(kBob).exchange->on_connected();
  answer_all(kBob);
  EXPECT_EQ(counted(kBob).exchanges(), 1U);
  EXPECT_EQ(counted(kBob).failures, 0U);
}

TEST_F(ExchangeMetricsTest, TheTimeInTheQueueIsMeasured) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue;
  ask(kGet);
  pass(Millis{40});
  ASSERT_TRUE(node(kAlice).acquire_connection(1));
  nodes_[kAlice].waiting->on_turn(ConnectionToken(node(kAlice)));
  EXPECT_EQ(counted(kAlice).queue.count(), 1U);
  EXPECT_EQ(counted(kAlice).queue.sum_ms, 40U);
}

TEST_F(ExchangeMetricsTest, SoIsThatOfWhoWaitedInVain) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue;
  ask(kGet);
  exchange.on_downstream_lost();
  EXPECT_EQ(counted(kAlice).queue.count(), 1U);
  EXPECT_THAT(counted(kAlice).responses, ElementsAre(1U, 0U, 0U, 0U, 0U, 0U));
}

TEST_F(ExchangeMetricsTest, AResponseOfOurOwnIsNoneOfTheNode) {
  only(kAlice);
  ask(kGet);
  fail(kAlice, {EndReason::bad_response, Retry::no, 0, "no HTTP"});
  EXPECT_TRUE(said("local 502"));
  const balancer::NodeTotals totals = counted(kAlice);
  EXPECT_THAT(totals.responses, ElementsAre(1U, 0U, 0U, 0U, 0U, 0U));
  EXPECT_EQ(totals.failures, 1U);
}

TEST_F(ExchangeMetricsTest, AResponseThatIsCutHasItsStatusAndIsAFailure) {
  only(kAlice);
  ask(kGet);
  answer(kAlice, "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n");
  answer_body(kAlice, "he", Last::no);
  fail(kAlice, {EndReason::response_cut, Retry::no});
  const balancer::NodeTotals totals = counted(kAlice);
  EXPECT_THAT(totals.responses, ElementsAre(0U, 0U, 0U, 0U, 0U, 1U));
  EXPECT_EQ(totals.failures, 1U);
  EXPECT_EQ(totals.bytes_out, 2U);
}

TEST_F(ExchangeMetricsTest, ARetryCountsWhereTheRequestWasLost) {
  only(kAlice);
  ask(kGet);
  only(kBob);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  answer_all(kBob);
  EXPECT_EQ(counted(kAlice).retries, 1U);
  EXPECT_EQ(counted(kAlice).failures, 0U) << "a node may close a connection that is idle";
  EXPECT_EQ(counted(kBob).retries, 0U);
  EXPECT_EQ(counted(kBob).exchanges(), 1U);
}

TEST_F(ExchangeMetricsTest, SoDoesTheRetryOfWhatANodeHasRefused) {
  only(kAlice);
  ask("POST /x HTTP/1.1\r\n");
  fail(kAlice, {EndReason::node_closed, Retry::refused});
  fail(kAlice, {EndReason::node_closed, Retry::refused});
  answer_all(kAlice);
  EXPECT_EQ(counted(kAlice).retries, 2U);
  EXPECT_EQ(counted(kAlice).failures, 0U) << "it is not the node's failure";
  EXPECT_EQ(counted(kAlice).exchanges(), 1U);
}

TEST_F(ExchangeMetricsTest, ATunnelCountsItsBytesWhileItIsOpenAndHasNoDuration) {
  only(kAlice);
  ask(kUpgrade);
  client.unread = {"ping"};
  answer(kAlice, kSwitching);
  answer_body(kAlice, "po", Last::no);
  EXPECT_EQ(counted(kAlice).bytes_in, 4U);
  EXPECT_EQ(counted(kAlice).bytes_out, 2U);
  EXPECT_EQ(counted(kAlice).exchanges(), 0U);
  answer_body(kAlice, "ng", Last::yes);
  EXPECT_TRUE(exchange.over());
  EXPECT_THAT(counted(kAlice).responses, ElementsAre(0U, 1U, 0U, 0U, 0U, 0U));
  EXPECT_EQ(counted(kAlice).duration.count(), 0U);
}

}  // namespace
}  // namespace bonedry::proxy::test
