// While the members of a cluster agree that a node is dry, its door is held: its users wait.
#include "tests/unit/proxy/exchange_wait_rig.h"

#include <gmock/gmock.h>

namespace bonedry::proxy::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ExchangeHeldTest : public ExchangeWaitTest {
 protected:
  /// The cookie of a user whose session is on alice, and whose request was served.
  std::string user_of_alice() {
    only(kAlice);
    ask(kPage);
    answer_all(kAlice);
    return client.set_cookie.substr(0, client.set_cookie.find(';'));
  }
  /// Puts the session of this cookie on another node, as another request or member may.
  void move(const std::string& cookie, std::size_t to) {
    session::CookieSealer sealer(secrets, "shop");
    const auto content = sealer.open(cookie.substr(cookie.find('=') + 1));
    ASSERT_TRUE(content);
    const auto opened = ledger().open_verified(content->key, now());
    ASSERT_TRUE(opened);
    (void)ledger().move(opened->ref, opened->node, pool_.nodes[to].slot);
    ledger().close(opened->ref, now());
  }
  void open_again(std::size_t index) { set_door(index, NodeState::bleeding, Door::sessions_only); }
};

TEST_F(ExchangeHeldTest, AUserWaitsAndGoesOnWhenTheDoorOpensAgain) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  ask_with(cookie);
  pass(1s);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
  EXPECT_EQ(sessions_on(kAlice), 1) << "it is seen by the round";
  open_again(kAlice);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  answer_all(kAlice);
  EXPECT_EQ(client.set_cookie, "");
  expect_nothing_held();
}

TEST_F(ExchangeHeldTest, AWaitThatIsTooLongIsAnsweredAndNobodyIsMoved) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  ask_with(cookie);
  pass(2900ms);
  EXPECT_THAT(log, IsEmpty());
  pass(200ms);
  EXPECT_THAT(log, ElementsAre("local 503 retry after 1", "over complete"));
  EXPECT_EQ(ended(EndReason::held), 1U);
  EXPECT_EQ(sessions_on(kAlice), 1);
  EXPECT_EQ(sessions_on(kBob), 0);
  EXPECT_TRUE(nodes_[kBob].asked.empty());
  EXPECT_THAT(reports, IsEmpty()) << "no node failed";

  open_again(kAlice);
  ask_with(cookie);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  answer_all(kAlice);
  expect_nothing_held();
}

TEST_F(ExchangeHeldTest, TheNextRequestOfTheConnectionMayWaitAsLong) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  ask_with(cookie);
  pass(3100ms);
  EXPECT_EQ(ended(EndReason::held), 1U);
  ask_with(cookie);
  pass(2800ms);
  EXPECT_THAT(log, IsEmpty());
}

TEST_F(ExchangeHeldTest, OtherChangesDoNotProlongTheWait) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  ask_with(cookie);
  for (int i = 0; i < 31; ++i) {
    pass(100ms);
    republish();
  }
  EXPECT_TRUE(said("local 503 retry after 1"));
}

TEST_F(ExchangeHeldTest, ADownNodeIsWaitedForLikeAnyOther) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  node(kAlice).set_health(balancer::Health::down);
  ask_with(cookie);
  pass(3100ms);
  EXPECT_TRUE(said("local 503 retry after 1"));
  EXPECT_EQ(sessions_on(kAlice), 1) << "nobody is rescued during a round";
}

TEST_F(ExchangeHeldTest, NewUsersAndThoseOfOtherNodesDoNotWait) {
  const std::string cookie = user_of_alice();
  only(kBob);
  hold(kAlice);
  ask_with(cookie);
  ASSERT_THAT(log, IsEmpty());

  std::vector<std::string> lines;
  ScriptedClient newcomer(lines);
  Exchange other(*this);
  newcomer.exchange = &other;
  const http::test::ParsedRequest request(std::string(kPage) + "Host: shop.example\r\n\r\n");
  other.request_head() = request.head;
  other.start({&newcomer, 0, "127.0.0.1:8080", {"192.0.2.8", "http"}}, request.facts());
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_EQ(lines.back(), "over complete");
  exchange.on_downstream_lost();
}

TEST_F(ExchangeHeldTest, AClientThatLeavesWhileItWaitsFreesEverything) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  ask_with(cookie);
  pass(1s);
  exchange.on_downstream_lost();
  EXPECT_THAT(log, ElementsAre("over aborted"));
  EXPECT_EQ(ended(EndReason::client_gone), 1U);
  open_again(kAlice);
  pass(5s);
  EXPECT_THAT(log, ElementsAre("over aborted"));
  expect_nothing_held();
}

TEST_F(ExchangeHeldTest, TheBodyWaitsToo) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  client.unread = {"he", "llo"};
  ask_with(cookie, kPost);
  exchange.on_request_read_end();
  exchange.on_downstream_drained();
  pass(1s);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_EQ(client.unread.size(), 2U);
  open_again(kAlice);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to alice: head POST /x", "to alice: body he", "to alice: body llo",
                               "to alice: end"));
}

TEST_F(ExchangeHeldTest, AnAnswerWithoutTheBodyDropsTheBody) {
  const std::string cookie = user_of_alice();
  hold(kAlice);
  client.unread = {"hello"};
  ask_with(cookie, kPost);
  pass(3100ms);
  EXPECT_TRUE(said("local 503 retry after 1"));
  EXPECT_TRUE(client.paused_for(PauseReason::dropped));
}

TEST_F(ExchangeHeldTest, AUserWhoseSessionEndsThenIsLateOnceTheNodeIsDry) {
  const std::string cookie = user_of_alice();
  pass(2min);
  while (ledger().sweep(now())) continue;
  only(kBob);
  hold(kAlice);
  ask_with(cookie);
  members.answer(0, Answer::ended);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x")) << "nobody waits whose session is over";
  EXPECT_EQ(node(kAlice).counters.late, 1U);
}

TEST_F(ExchangeHeldTest, AnUncertainUserWaitsAndIsTakenBackIfTheNodeIsNotDry) {
  only(kBob);
  hold(kAlice);
  ask_with(cookie_on(kAlice));
  members.answer(0, Answer::uncertain);
  pass(1s);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_EQ(sessions_on(kAlice), 0) << "no session begins behind a held door";
  open_again(kAlice);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to alice: head GET /x"));
  EXPECT_EQ(live_on(kAlice), 1);
  EXPECT_EQ(members.asked.size(), 1U);
  answer_all(kAlice);
  EXPECT_EQ(client.set_cookie, "");
  EXPECT_EQ(node(kAlice).counters.begun, 0U) << "the old session goes on";
  expect_nothing_held();
}

TEST_F(ExchangeHeldTest, AnAnswerCountsForItsOwnRequestOnly) {
  only(kBob);
  const std::string cookie = cookie_on(kAlice);
  ask_with(cookie);
  members.answer(0, Answer::uncertain);
  answer_all(kAlice);
  hold(kAlice);
  ask_with(cookie);
  pass(500ms);
  const auto opened = ledger().open_verified(kUser, now());
  ASSERT_TRUE(opened);
  ledger().end(opened->ref);  // as the members have heard meanwhile
  ledger().close(opened->ref, now());
  open_again(kAlice);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
}

TEST_F(ExchangeHeldTest, AnUncertainUserIsLateIfTheNodeIsDry) {
  only(kBob);
  hold(kAlice);
  ask_with(cookie_on(kAlice));
  members.answer(0, Answer::uncertain);
  pass(1s);
  set_door(kAlice, NodeState::bleeding, Door::shut);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  answer_all(kBob);
  EXPECT_EQ(sessions_on(kAlice), 0);
  EXPECT_EQ(node(kAlice).counters.late, 1U);
}

TEST_F(ExchangeHeldTest, AUserWhomAnotherMemberMovesMeanwhileFollows) {
  const std::string cookie = user_of_alice();
  only(kBob);
  hold(kAlice);
  ask_with(cookie);
  pass(500ms);
  move(cookie, kBob);
  open_again(kAlice);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
}

TEST_F(ExchangeHeldTest, ARescueThatFindsItsSessionOnAHeldNodeWaitsThere) {
  add_carol();
  const std::string cookie = user_of_alice();
  only(kBob);
  hold(kCarol);
  node(kAlice).set_health(balancer::Health::down);
  nodes_[kBob].offer = Offer::connecting;
  ask_with(cookie);
  ASSERT_EQ(nodes_[kBob].streams.size(), 1U);
  move(cookie, kCarol);
  stream(kBob).exchange->on_connected();
  pass(1s);
  EXPECT_THAT(log, ElementsAre("to bob: released"));
  EXPECT_EQ(node(kBob).exchanges_open(), 0);
  open_again(kCarol);
  pass(150ms);
  EXPECT_EQ(log.back(), "to carol: head GET /x");
  answer_all(kCarol);
  expect_nothing_held();
}

TEST_F(ExchangeHeldTest, ADeadlineSendsThoseWhoWaitAway) {
  const std::string cookie = user_of_alice();
  only(kBob);
  hold(kAlice);
  ask_with(cookie);
  pass(500ms);
  pool_.nodes[kAlice].displaced = true;
  (void)ledger().displace(pool_.nodes[kAlice].slot);
  set_door(kAlice, NodeState::bleeding, Door::shut);
  pass(150ms);
  EXPECT_THAT(log, ElementsAre("to bob: head GET /x"));
  EXPECT_EQ(node(kAlice).counters.moved, 1U);
  answer_all(kBob);
  EXPECT_EQ(sessions_on(kBob), 1);
}

}  // namespace
}  // namespace bonedry::proxy::test
