// An exchange between two scripted sides: what it sends, what it holds of a node, and how it ends.
#include "tests/unit/proxy/exchange_rig.h"

#include <gmock/gmock.h>

namespace bonedry::proxy::test {
namespace {

using testing::ElementsAre;

constexpr const char* kGet = "GET /x HTTP/1.1\r\n";
constexpr const char* kPut = "PUT /x HTTP/1.1\r\nContent-Length: 5\r\n";
constexpr const char* kPost = "POST /x HTTP/1.1\r\nContent-Length: 5\r\n";

TEST_F(ExchangeTest, ARequestGoesToANodeAndItsAnswerBack) {
  only(kAlice);
  ask(kGet);
  EXPECT_EQ(node(kAlice).exchanges_open(), 1);
  answer_all(kAlice);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x", "head 200", "body ok", "end",
                               "to alice: released", "over complete"));
  EXPECT_TRUE(exchange.over());
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
  EXPECT_EQ(ended(EndReason::completed), 1U);
  EXPECT_EQ(counters().read().bytes_out, 2U);
}

TEST_F(ExchangeTest, ANewUserGetsACookieAndComesBackToTheSameNode) {
  only(kBob);
  ask(kGet);
  answer_all(kBob);
  EXPECT_EQ(node(kBob).sessions().read().live + node(kBob).sessions().read().pending, 1);
  ASSERT_NE(client.set_cookie, "");
  only(kAlice);
  ask_again(kGet);
  EXPECT_TRUE(said("to bob: head GET /x")) << "bob bleeds, and the user is on him";
}

TEST_F(ExchangeTest, TheBodyWaitsUntilThereIsANodeAndLeavesWithTheHead) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::connecting;
  client.unread = {"hello"};
  ask(kPost);
  EXPECT_TRUE(client.paused_for(PauseReason::no_node));
  EXPECT_THAT(log, ElementsAre());
  stream(kAlice).exchange->on_connected();
  EXPECT_THAT(log, ElementsAre("to alice: head POST /x", "to alice: body hello", "to alice: end"));
}

TEST_F(ExchangeTest, WhoTakesNoMoreStopsTheOtherSide) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::connecting;
  client.unread = {"he", "llo"};
  ask(kPost);
  stream(kAlice).flow = Flow::congested;
  stream(kAlice).exchange->on_connected();
  EXPECT_TRUE(client.paused_for(PauseReason::congested));
  EXPECT_FALSE(said("to alice: body llo"));
  stream(kAlice).flow = Flow::open;
  stream(kAlice).exchange->on_upstream_drained();
  EXPECT_TRUE(said("to alice: body llo"));

  client.flow = Flow::congested;
  answer(kAlice, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n");
  answer_body(kAlice, "ab", Last::no);
  EXPECT_TRUE(stream(kAlice).paused());
  client.flow = Flow::open;
  exchange.on_downstream_drained();
  EXPECT_FALSE(stream(kAlice).paused());
  answer_body(kAlice, "cd", Last::yes);
  EXPECT_EQ(log.back(), "over complete");
}

TEST_F(ExchangeTest, ANodeThatHasRoomAgainBeforeItSaysSoGetsTheRest) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::connecting;
  client.unread = {"he", "llo"};
  ask(kPost);
  stream(kAlice).flow = Flow::congested;
  stream(kAlice).exchange->on_connected();
  EXPECT_FALSE(said("to alice: body llo"));
  stream(kAlice).flow = Flow::open;
  exchange.on_request_read_end();
  EXPECT_TRUE(said("to alice: body llo"));
  EXPECT_TRUE(said("to alice: end"));
}

TEST_F(ExchangeTest, AnAnswerBeforeTheEndOfItsRequestDropsTheRest) {
  only(kAlice);
  client.unread = {"he", "llo"};
  nodes_[kAlice].offer = Offer::connecting;
  ask(kPost);
  stream(kAlice).flow = Flow::congested;
  stream(kAlice).exchange->on_connected();
  answer_all(kAlice);
  EXPECT_TRUE(client.paused_for(PauseReason::dropped));
  EXPECT_EQ(log.back(), "over complete");
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
}

TEST_F(ExchangeTest, ABodyThatGrowsTooLargeIsRefused) {
  only(kAlice);
  limits_.body_bytes = 4;
  client.unread = {"he", "llo"};
  ask("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n");
  EXPECT_TRUE(said("local 413"));
  EXPECT_EQ(ended(EndReason::body_too_large), 1U);
  EXPECT_FALSE(said("to alice: body llo"));
}

TEST_F(ExchangeTest, AClientThatLeavesEndsTheExchange) {
  only(kAlice);
  ask(kGet);
  exchange.on_downstream_lost();
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x", "to alice: released", "over aborted"));
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
  EXPECT_EQ(ended(EndReason::client_gone), 1U);
}

TEST_F(ExchangeTest, InterimAnswersPassAndTooManyOfThemAreNoAnswer) {
  only(kAlice);
  ask(kGet);
  answer(kAlice, "HTTP/1.1 103 Early Hints\r\n");
  EXPECT_EQ(log.back(), "interim 103");
  for (int i = 0; i < 31; ++i) answer(kAlice, "HTTP/1.1 103 Early Hints\r\n");
  EXPECT_FALSE(exchange.over());
  answer(kAlice, "HTTP/1.1 103 Early Hints\r\n");
  EXPECT_TRUE(said("local 502"));
  EXPECT_THAT(reports, ElementsAre("shop/alice: bad_response: too many 1xx responses"));
}

// -- Retries --------------------------------------------------------------------------------------

TEST_F(ExchangeTest, ARequestThatAnIdleConnectionDidNotTakeIsSentOnAFreshOne) {
  only(kAlice);
  ask(kGet);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  ASSERT_EQ(nodes_[kAlice].asked.size(), 2U);
  EXPECT_EQ(nodes_[kAlice].asked[1].reuse, ConnectionReuse::new_only);
  EXPECT_EQ(counters().read().retries, 1U);
  answer_all(kAlice);
  EXPECT_EQ(log.back(), "over complete");
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
}

TEST_F(ExchangeTest, ItIsSentAgainOnlyOnce) {
  only(kAlice);
  ask(kGet);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_TRUE(said("local 502"));
  EXPECT_EQ(ended(EndReason::node_closed), 1U);
}

TEST_F(ExchangeTest, WhatIsNotIdempotentIsNeverSentTwice) {
  only(kAlice);
  client.unread = {"hello"};
  ask(kPost);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_TRUE(said("local 502"));
  EXPECT_EQ(nodes_[kAlice].asked.size(), 1U);
}

TEST_F(ExchangeTest, WhatANodeRefusesIsSentAgainTwiceWhateverItIs) {
  only(kAlice);
  ask("POST /x HTTP/1.1\r\n");
  fail(kAlice, {EndReason::node_closed, Retry::refused});
  fail(kAlice, {EndReason::node_closed, Retry::refused});
  ASSERT_EQ(nodes_[kAlice].asked.size(), 3U);
  EXPECT_EQ(nodes_[kAlice].asked[1].reuse, ConnectionReuse::allowed);
  EXPECT_EQ(nodes_[kAlice].asked[2].reuse, ConnectionReuse::new_only);
  EXPECT_FALSE(said("local 502"));
  fail(kAlice, {EndReason::node_closed, Retry::refused});
  EXPECT_TRUE(said("local 502"));
  EXPECT_EQ(nodes_[kAlice].asked.size(), 3U);
}

TEST_F(ExchangeTest, ABodyThatCameInOnePieceIsKeptWhateverChunkItIsIn) {
  only(kAlice);
  client.unread = {"hello"};
  client.unread_trailers = "X-Sum: 1\r\n";
  ask(kPut);
  log.clear();
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_THAT(log, ElementsAre("to alice: released", "to alice: head PUT /x",
                               "to alice: body hello", "to alice: end X-Sum: 1\r\n"));
}

TEST_F(ExchangeTest, ABodyInAFewPiecesIsKept) {
  only(kAlice);
  client.unread = {"he", "llo"};
  ask(kPut);
  log.clear();
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_THAT(log, ElementsAre("to alice: released", "to alice: head PUT /x", "to alice: body he",
                               "to alice: body llo", "to alice: end"));
}

TEST_F(ExchangeTest, ABodyInManyPiecesIsNotKept) {
  only(kAlice);
  client.unread = {"h", "e", "l", "l", "o"};
  ask(kPut);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_TRUE(said("local 502"));
}

TEST_F(ExchangeTest, ABodyBeyondTheBoundIsNotKept) {
  only(kAlice);
  client.unread = {std::string(ReplayBody::kMaxBytes + 1, 'x')};
  ask("PUT /x HTTP/1.1\r\nContent-Length: " + std::to_string(ReplayBody::kMaxBytes + 1) + "\r\n");
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  EXPECT_TRUE(said("local 502"));
}

TEST_F(ExchangeTest, WhatANodeMayHaveWorkedOnCostsTheRetryBudget) {
  only(kAlice);
  for (std::uint64_t i = 0; i < balancer::RetryBudget::kFirst; ++i) {
    ask(kGet);
    fail(kAlice, {EndReason::node_closed, Retry::maybe_processed});
    answer_all(kAlice);
    exchange.reset();
  }
  // Ten requests together have added one retry to the budget.
  ask(kGet);
  fail(kAlice, {EndReason::node_closed, Retry::maybe_processed});
  answer_all(kAlice);
  exchange.reset();
  ask(kGet);
  fail(kAlice, {EndReason::node_closed, Retry::maybe_processed});
  EXPECT_TRUE(said("local 502"));
  exchange.reset();
  ask(kGet);
  fail(kAlice, {EndReason::node_closed, Retry::not_processed});
  answer_all(kAlice);
  EXPECT_EQ(log.back(), "over complete") << "which costs a node nothing";
}

TEST_F(ExchangeTest, AnAnswerThatIsCutIsNotTriedAgain) {
  only(kAlice);
  ask(kGet);
  answer(kAlice, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n");
  answer_body(kAlice, "ab", Last::no);
  fail(kAlice, {EndReason::response_cut, Retry::no});
  EXPECT_EQ(log.back(), "over aborted");
  EXPECT_EQ(ended(EndReason::response_cut), 1U);
}

TEST_F(ExchangeTest, AShortageOfOurOwnIsAnsweredAndNoNewsOfTheNode) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::shortage;
  ask(kGet);
  EXPECT_TRUE(said("local 503 retry after 5"));
  EXPECT_THAT(reports, ElementsAre("shortage " + std::to_string(EMFILE)));
  EXPECT_EQ(ended(EndReason::no_resources), 1U);
}

// -- Fail over to other nodes ---------------------------------------------------------------------

TEST_F(ExchangeTest, ANewUserWhoseNodeRefusesGoesToAnotherAtOnce) {
  nodes_[kAlice].offer = Offer::refuse;
  nodes_[kBob].offer = Offer::refuse;
  ask(kGet);
  EXPECT_THAT(log, testing::UnorderedElementsAre("alice refuses", "bob refuses", "local 502",
                                                 "over complete"));
  EXPECT_EQ(node(kAlice).session_load() + node(kBob).session_load(), 0) << "no place is kept";
  EXPECT_EQ(node(kAlice).exchanges_open() + node(kBob).exchanges_open(), 0);
}

TEST_F(ExchangeTest, AUsersOwnNodeIsAskedTwiceMoreBeforeAnotherOneTakesThem) {
  only(kBob);
  ask(kGet);
  answer_all(kBob);
  only(kAlice);
  nodes_[kBob].offer = Offer::refuse;
  ask_again(kGet);
  EXPECT_THAT(log, ElementsAre("bob refuses"));
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("bob refuses", "bob refuses"));
  nodes_[kAlice].offer = Offer::connecting;
  pass(400ms);
  EXPECT_THAT(log, ElementsAre("bob refuses", "bob refuses", "bob refuses"));
  EXPECT_EQ(node(kBob).sessions().read().live, 1) << "they stay until another has been reached";
  EXPECT_EQ(node(kAlice).sessions().read().live, 0);
  stream(kAlice).exchange->on_connected();
  EXPECT_EQ(node(kBob).sessions().read().live, 0);
  EXPECT_EQ(node(kAlice).sessions().read().live, 1);
  EXPECT_EQ(node(kBob).counters.rescued, 1U);
}

TEST_F(ExchangeTest, WithoutANodeTheClientIsTold) {
  for (balancer::NodeView& each : pool_.nodes) {
    each.state = balancer::NodeState::maintenance;
    each.door = balancer::Door::shut;
  }
  republish();
  ask(kGet);
  EXPECT_THAT(log, ElementsAre("local 503 retry after 5", "over complete"));
  EXPECT_THAT(reports, ElementsAre("no node in shop"));
}

// -- The queue ------------------------------------------------------------------------------------

TEST_F(ExchangeTest, WhoWaitsForAConnectionGoesOnWhenItsTurnComes) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue;
  ask(kGet);
  EXPECT_THAT(log, ElementsAre());
  ASSERT_NE(nodes_[kAlice].waiting, nullptr);
  ASSERT_TRUE(node(kAlice).acquire_connection(1));
  nodes_[kAlice].waiting->on_turn(ConnectionToken(node(kAlice)));
  EXPECT_TRUE(said("to alice: head GET /x"));
  EXPECT_TRUE(node(kAlice).connections_full(1));
  answer_all(kAlice);
  EXPECT_FALSE(node(kAlice).connections_full(1)) << "it was given back";
}

TEST_F(ExchangeTest, WhoWaitsTooLongIsTold) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue;
  ask(kGet);
  pass(timeouts_.queue + 100ms);
  EXPECT_TRUE(said("local 503 retry after 5"));
  EXPECT_EQ(ended(EndReason::node_full), 1U);
  EXPECT_EQ(nodes_[kAlice].waiting, nullptr) << "its place in the queue is given up";
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
}

TEST_F(ExchangeTest, AFullQueueIsAnsweredAtOnce) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue_full;
  ask(kGet);
  EXPECT_TRUE(said("local 503 retry after 5"));
  EXPECT_EQ(ended(EndReason::node_full), 1U);
}

TEST_F(ExchangeTest, WhoseNodeIsBledWhileItWaitsChoosesAnew) {
  only(kAlice);
  nodes_[kAlice].offer = Offer::queue;
  ask(kGet);
  only(kBob);
  ASSERT_TRUE(node(kAlice).acquire_connection(1));
  nodes_[kAlice].waiting->on_turn(ConnectionToken(node(kAlice)));
  EXPECT_TRUE(said("to bob: head GET /x")) << "a new user";
  EXPECT_FALSE(node(kAlice).connections_full(1));
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
}

// -- Time-outs ------------------------------------------------------------------------------------

TEST_F(ExchangeTest, ANodeThatDoesNotAnswerInTimeIsGivenUp) {
  only(kAlice);
  ask(kGet);
  pass(timeouts_.response - 100ms);
  EXPECT_FALSE(exchange.over());
  pass(timeouts_.response / 4 + 200ms);
  EXPECT_TRUE(said("local 504"));
  EXPECT_EQ(ended(EndReason::response_timeout), 1U);
}

TEST_F(ExchangeTest, AClientThatStopsReadingIsGivenUp) {
  only(kAlice);
  ask(kGet);
  client.flow = Flow::congested;
  client.kept_back = 2;
  answer_all(kAlice);
  EXPECT_FALSE(exchange.over());
  pass(timeouts_.stall + timeouts_.stall / 4 + 200ms);
  EXPECT_EQ(log.back(), "over aborted");
  EXPECT_EQ(ended(EndReason::client_stalled), 1U);
}

TEST_F(ExchangeTest, WhatMovesInTimeIsNotGivenUp) {
  only(kAlice);
  ask(kGet);
  answer(kAlice, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n");
  for (int i = 0; i < 19; ++i) {
    answer_body(kAlice, "ab", Last::no);
    pass(timeouts_.stall / 2);
  }
  EXPECT_FALSE(exchange.over());
}

// -- Tunnels --------------------------------------------------------------------------------------

constexpr const char* kUpgrade =
    "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
constexpr const char* kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

TEST_F(ExchangeTest, ATunnelLastsUntilBothSidesHaveEnded) {
  only(kAlice);
  ask(kUpgrade);
  client.unread = {"ping"};
  answer(kAlice, kSwitching);
  EXPECT_EQ(node(kAlice).tunnels_open(), 1);
  EXPECT_TRUE(said("head 101 tunnel"));
  EXPECT_TRUE(said("to alice: body ping")) << "what was read behind the head goes on at once";
  EXPECT_TRUE(said("to alice: end"));
  EXPECT_FALSE(exchange.over());
  answer_body(kAlice, "pong", Last::yes);
  EXPECT_EQ(log.back(), "over complete");
  EXPECT_EQ(node(kAlice).tunnels_open(), 0);
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
}

TEST_F(ExchangeTest, ATunnelWhoseClientEndsItsSideWhileItIsBehindHearsTheRest) {
  only(kAlice);
  ask(kUpgrade);
  answer(kAlice, kSwitching);
  client.flow = Flow::congested;
  answer_body(kAlice, "much", Last::no);
  EXPECT_TRUE(stream(kAlice).paused());
  // There is room again, but no event has reported it yet.
  client.flow = Flow::open;
  const Piece end("");
  exchange.on_request_body(end.slices(), Last::yes, "");
  exchange.on_request_read_end();
  EXPECT_FALSE(stream(kAlice).paused()) << "or the node would never be read again";
  answer_body(kAlice, "more", Last::yes);
  EXPECT_TRUE(said("body more"));
  EXPECT_EQ(log.back(), "over complete");
}

TEST_F(ExchangeTest, ATunnelEndsWhenItsNodeIsTakenFromItsUsers) {
  only(kAlice);
  ask(kUpgrade);
  answer(kAlice, kSwitching);
  pool_.nodes[kAlice].displaced = true;
  pool_.nodes[kAlice].door = balancer::Door::shut;
  republish();
  exchange.end_if_displaced();
  EXPECT_EQ(ended(EndReason::tunnel_moved), 1U);
  EXPECT_EQ(node(kAlice).tunnels_open(), 0);
}

TEST_F(ExchangeTest, ASwitchThatNobodyAskedForIsNoAnswer) {
  only(kAlice);
  ask(kGet);
  answer(kAlice, kSwitching);
  EXPECT_TRUE(said("local 502"));
  EXPECT_EQ(ended(EndReason::bad_response), 1U);
}

// -- The contract of streams ----------------------------------------------------------------------

using ExchangeDeathTest = ExchangeTest;

TEST_F(ExchangeDeathTest, AnEventFromWithinASilentCallIsFound) {
  only(kAlice);
  ask(kGet);
  client.loud = true;
  EXPECT_DEBUG_DEATH(answer_all(kAlice), "running_ == 0");
}

}  // namespace
}  // namespace bonedry::proxy::test
