// Requests that are not of users ([pool.session] exempt): they begin no session, and end none.
#include "tests/unit/proxy/exchange_rig.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace bonedry::proxy::test {
namespace {

class ExemptExchangeTest : public ExchangeTest {
 protected:
  static constexpr const char* kPage = "GET /x HTTP/1.1\r\n";
  static constexpr const char* kCheck = "GET /healthz HTTP/1.1\r\n";

  ExemptExchangeTest() {
    conf::Exemption exemption;
    exemption.path = conf::TextPattern{"/healthz", conf::TextPattern::Match::whole};
    pool_.config.session.exempt = {exemption};
    republish();
  }

  [[nodiscard]] std::int64_t sessions_on(std::size_t index) {
    return node(index).sessions().read().all();
  }
  [[nodiscard]] std::uint64_t exempt_requests() const { return pool_.counters->exempt_requests; }
};

TEST_F(ExemptExchangeTest, BeginsNoSessionAndBooksNoPlace) {
  only(kAlice);
  pool_.nodes[kAlice].max_sessions = 1;
  republish();
  ask(kCheck);
  EXPECT_EQ(node(kAlice).session_load(), 0);
  EXPECT_EQ(node(kAlice).exchanges_open(), 1) << "its node is not dry while it is open";
  answer_all(kAlice);
  EXPECT_EQ(node(kAlice).exchanges_open(), 0);
  EXPECT_EQ(client.set_cookie, "");
  EXPECT_EQ(sessions_on(kAlice), 0);
  EXPECT_EQ(exempt_requests(), 1U);

  exchange.reset();
  ask(kPage);
  answer_all(kAlice);
  EXPECT_NE(client.set_cookie, "") << "a user";
  EXPECT_EQ(sessions_on(kAlice), 1);
  EXPECT_EQ(exempt_requests(), 1U);

  exchange.reset();
  log.clear();
  ask(kCheck);
  EXPECT_TRUE(said("to alice: head GET /healthz")) << "though she is full";
}

TEST_F(ExemptExchangeTest, NeverGoesToABleedingNode) {
  only(kBob);
  for (int i = 0; i < 20; ++i) {
    ask(kCheck);
    answer_all(kBob);
    exchange.reset();
  }
  EXPECT_TRUE(nodes_[kAlice].asked.empty());
  pool_.nodes[kBob].door = balancer::Door::sessions_only;
  republish();
  ask(kCheck);
  EXPECT_TRUE(said("local 503 retry after 5"));
}

TEST_F(ExemptExchangeTest, OfAUserGoesToTheUsersBleedingNode) {
  only(kBob);
  ask(kPage);
  answer_all(kBob);
  only(kAlice);
  ask_again(kCheck);
  EXPECT_TRUE(said("to bob: head GET /healthz"));
  answer_all(kBob);
  EXPECT_EQ(client.set_cookie, "");
  EXPECT_EQ(sessions_on(kBob), 1);
  EXPECT_EQ(exempt_requests(), 0U) << "it is the user's";
}

TEST_F(ExemptExchangeTest, OfAUserKeepsTheSession) {
  only(kBob);
  ask(kPage);
  answer_all(kBob);
  for (int i = 0; i < 3; ++i) {
    pass(45s);  // the session ends after a minute
    ask_again(kCheck);
    answer_all(kBob);
    (void)ledger().sweep(now());
  }
  EXPECT_EQ(sessions_on(kBob), 1);
}

TEST_F(ExemptExchangeTest, BringsNoSessionBackThatHasEnded) {
  only(kBob);
  ask(kPage);
  answer_all(kBob);
  const auto ask_later = [this](std::size_t expected) {
    pass(2min);
    (void)ledger().sweep(now());
    ask_again(kCheck);
    answer_all(expected);
    EXPECT_EQ(client.set_cookie, "");
    EXPECT_EQ(sessions_on(expected), 0);
  };
  pool_.nodes[kAlice].door = balancer::Door::open;
  republish();
  for (int i = 0; i < 4; ++i) ask_later(kBob);  // where the application may still know her
  EXPECT_TRUE(nodes_[kAlice].asked.empty());
  only(kAlice);
  ask_later(kAlice);  // he bleeds
  EXPECT_EQ(node(kBob).counters.late, 0U);
  EXPECT_EQ(exempt_requests(), 5U);
}

TEST_F(ExemptExchangeTest, StaysExemptAtAnotherNode) {
  nodes_[kAlice].offer = Offer::refuse;
  for (int i = 0; i < 4; ++i) {
    ask(kCheck);
    answer_all(kBob);
    exchange.reset();
  }
  EXPECT_TRUE(said("alice refuses"));
  EXPECT_EQ(sessions_on(kBob), 0);
  EXPECT_EQ(exempt_requests(), 4U);
}

TEST_F(ExemptExchangeTest, IsPinnedByNoCookieOfTheApplication) {
  pool_.config.session.sticky = conf::Sticky::learn;
  pool_.config.session.cookie = "SID";
  only(kAlice);
  ask("GET /healthz HTTP/1.1\r\nCookie: SID=old\r\n");
  answer(kAlice, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SID=new\r\n");
  answer_body(kAlice, "ok", Last::yes);
  EXPECT_EQ(sessions_on(kAlice), 0);
  EXPECT_EQ(exempt_requests(), 1U);

  exchange.reset();
  ask("GET / HTTP/1.1\r\n");
  answer(kAlice, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SID=user\r\n");
  answer_body(kAlice, "ok", Last::yes);
  EXPECT_EQ(sessions_on(kAlice), 1);
  only(kBob);
  exchange.reset();
  log.clear();
  ask("GET /healthz HTTP/1.1\r\nCookie: SID=user\r\n");
  EXPECT_TRUE(said("to alice: head GET /healthz"));
  EXPECT_EQ(exempt_requests(), 1U);
}

TEST_F(ExemptExchangeTest, IsKnownByItsUserAgentAndClient) {
  conf::Exemption exemption;
  exemption.user_agent = conf::TextPattern{"probe", conf::TextPattern::Match::part};
  exemption.client = conf::parse_network("192.0.2.7");
  pool_.config.session.exempt = {exemption};
  only(kAlice);
  ask("GET /x HTTP/1.1\r\nUser-Agent: kube-probe/1.29\r\n");
  answer_all(kAlice);
  EXPECT_EQ(exempt_requests(), 1U);
  exemption.client = conf::parse_network("192.0.2.8");
  pool_.config.session.exempt = {exemption};
  republish();
  exchange.reset();
  ask("GET /x HTTP/1.1\r\nUser-Agent: kube-probe/1.29\r\n");
  answer_all(kAlice);
  EXPECT_EQ(exempt_requests(), 1U) << "and a reload changes it";
}

}  // namespace
}  // namespace bonedry::proxy::test
