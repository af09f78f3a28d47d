// A tester's exchange: where it goes, what it counts as, and what it leaves alone.
#include "session/pass.h"
#include "tests/unit/proxy/exchange_rig.h"

#include <gmock/gmock.h>

namespace bonedry::proxy::test {
namespace {

using testing::ElementsAre;

class ExchangePassTest : public ExchangeTest {
 protected:
  [[nodiscard]] std::string pass_for(const std::string& node) const {
    const std::vector<std::string> secrets{"a secret of at least thirty-two characters"};
    return session::PassSealer(secrets, "shop").seal(node, wall(), session::kDefaultPassTtl);
  }
  void test_on(const std::string& node, const std::string& head = "GET /x HTTP/1.1\r\n") {
    ask(head + "Bonedry-Pass: " + pass_for(node) + "\r\n");
  }
  void set_door(std::size_t index, balancer::NodeState state, balancer::Door door) {
    pool_.nodes[index].state = state;
    pool_.nodes[index].door = door;
    republish();
  }
  [[nodiscard]] std::int64_t sessions() {
    return node(kAlice).sessions().read().all() + node(kBob).sessions().read().all();
  }
  /// Another request of the same client.
  void next() {
    exchange.reset();
    client.pause(PauseReason::no_node);
    log.clear();
  }
};

TEST_F(ExchangePassTest, ItReachesItsNodeInEveryState) {
  using balancer::Door;
  using balancer::NodeState;
  for (const auto& [state, door] :
       std::vector<std::pair<NodeState, Door>>{{NodeState::active, Door::open},
                                               {NodeState::active, Door::opening},
                                               {NodeState::bleeding, Door::sessions_only},
                                               {NodeState::bleeding, Door::shut},
                                               {NodeState::maintenance, Door::shut}}) {
    set_door(kAlice, state, door);
    test_on("alice");
    EXPECT_TRUE(said("to alice: head GET /x")) << to_string(state);
    answer_all(kAlice);
    EXPECT_EQ(log.back(), "over complete");
    next();
  }
  EXPECT_EQ(node(kAlice).pass_use.lately(now()), 5U);
}

TEST_F(ExchangePassTest, ItCountsAsNoUserAndBeginsNoSession) {
  only(kAlice);
  test_on("alice");
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
  EXPECT_EQ(node(kAlice).pass_exchanges_open(), 1);
  answer_all(kAlice);
  EXPECT_EQ(node(kAlice).pass_exchanges_open(), 0);
  EXPECT_EQ(client.set_cookie, "");
  EXPECT_EQ(sessions(), 0);
  EXPECT_EQ(node(kAlice).last_exchange().ms, 0) << "not a click of a user";
  EXPECT_EQ(node(kAlice).pass_use.last(), now());
}

TEST_F(ExchangePassTest, TheSessionOfTheBrowserIsLeftAlone) {
  only(kBob);
  ask("GET /x HTTP/1.1\r\n");
  answer_all(kBob);
  ask_again("GET /x HTTP/1.1\r\n");
  answer_all(kBob);
  ASSERT_EQ(node(kBob).sessions().read().live, 1);
  pool_.config.session.logout_header = "X-Logout";
  republish();
  ask_again("GET /x HTTP/1.1\r\nBonedry-Pass: " + pass_for("alice") + "\r\n");
  EXPECT_TRUE(said("to alice: head GET /x"));
  answer(kAlice, "HTTP/1.1 200 OK\r\nX-Logout: 1\r\nContent-Length: 0\r\n");
  answer_body(kAlice, "", Last::yes);
  EXPECT_EQ(node(kBob).sessions().read().live, 1);
  EXPECT_EQ(node(kBob).counters.logged_out.load(), 0U);
  pass(30s);
  ask_again("GET /x HTTP/1.1\r\nBonedry-Pass: " + pass_for("alice") + "\r\n");
  answer_all(kAlice);
  pass(40s);
  while (ledger().sweep(now())) continue;
  EXPECT_EQ(sessions(), 0) << "a tester's clicks do not keep the session";
}

TEST_F(ExchangePassTest, ANodeThatIsDownIsNamed) {
  node(kAlice).set_health(balancer::Health::down);
  test_on("alice");
  EXPECT_THAT(log, ElementsAre("local 503 retry after 5", "over complete"));
  EXPECT_EQ(ended(EndReason::node_lost), 1U);
  EXPECT_EQ(node(kBob).exchanges_open(), 0);
}

TEST_F(ExchangePassTest, AFailedConnectLeadsToNoOtherNode) {
  nodes_[kAlice].offer = Offer::refuse;
  test_on("alice");
  pass(1s);
  EXPECT_THAT(log, ElementsAre("alice refuses", "alice refuses", "alice refuses",
                               "local 503 retry after 5", "over complete"));
  next();
  nodes_[kAlice].offer = Offer::connecting;
  test_on("alice");
  fail(kAlice, {EndReason::connect_timeout, Retry::other_node, ETIMEDOUT});
  EXPECT_TRUE(said("local 503 retry after 5"));
  EXPECT_EQ(ended(EndReason::node_lost), 2U);
}

TEST_F(ExchangePassTest, APassiveMarkDoesNotKeepItAway) {
  (void)node(kAlice).note_connect_failure(1, 10s, now());
  ASSERT_TRUE(node(kAlice).down(now()));
  test_on("alice");
  EXPECT_TRUE(said("to alice: head GET /x"));
}

TEST_F(ExchangePassTest, ANodeThatGoesWhileItWaitsIsNotReplaced) {
  nodes_[kAlice].offer = Offer::queue;
  test_on("alice");
  ASSERT_NE(nodes_[kAlice].waiting, nullptr);
  pool_.nodes.erase(pool_.nodes.begin());
  republish();
  exchange.on_turn(ConnectionToken());
  EXPECT_TRUE(said("local 403"));
  EXPECT_EQ(ended(EndReason::bad_pass), 1U);
}

TEST_F(ExchangePassTest, ABadOneReachesNoNode) {
  ask("GET /x HTTP/1.1\r\nBonedry-Pass: nonsense\r\n");
  EXPECT_THAT(log, ElementsAre("local 403", "over complete"));
  EXPECT_EQ(ended(EndReason::bad_pass), 1U);
  next();
  client.unread = {"hello"};
  ask("POST /x HTTP/1.1\r\nContent-Length: 5\r\nBonedry-Pass: nonsense\r\n");
  EXPECT_TRUE(said("local 403"));
  EXPECT_TRUE(client.paused_for(PauseReason::dropped));
}

TEST_F(ExchangePassTest, AUrlIsRedirected) {
  ask("GET /x?bonedry-pass=" + pass_for("alice") + " HTTP/1.1\r\n");
  EXPECT_THAT(log, ElementsAre("local 302", "over complete"));
  EXPECT_EQ(ended(EndReason::completed), 1U);
  EXPECT_EQ(node(kAlice).pass_use.lately(now()), 0U) << "it has not been used yet";
}

TEST_F(ExchangePassTest, ATunnelCountsAsNoneAndOutlastsADeadlineButNotARevocation) {
  test_on("alice", "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
  answer(kAlice, "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
  ASSERT_TRUE(said("tunnel begins"));
  EXPECT_EQ(node(kAlice).tunnels_open(), 0);
  EXPECT_EQ(node(kAlice).pass_exchanges_open(), 1);
  pool_.nodes[kAlice].displaced = true;
  set_door(kAlice, balancer::NodeState::bleeding, balancer::Door::shut);
  exchange.end_if_displaced();
  EXPECT_FALSE(exchange.over());
  pool_.nodes[kAlice].passes_revoked = wall() - 1ms;
  republish();
  exchange.end_if_displaced();
  EXPECT_FALSE(exchange.over()) << "this pass is newer";
  pool_.nodes[kAlice].passes_revoked = wall();
  republish();
  exchange.end_if_displaced();
  EXPECT_TRUE(exchange.over());
  EXPECT_EQ(ended(EndReason::bad_pass), 1U);
  EXPECT_EQ(node(kAlice).tunnels_open(), 0);
  EXPECT_EQ(node(kAlice).pass_exchanges_open(), 0);
}

}  // namespace
}  // namespace bonedry::proxy::test
