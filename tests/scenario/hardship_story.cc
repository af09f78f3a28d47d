// What hostile clients, truncated responses and changes at a bad moment must not do to other users.
#include "tests/scenario/story.h"

#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

class HardshipStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, HardshipStory, worker_counts(), name_of_workers);

TEST_P(HardshipStory, WantOfDescriptorsTakesNobodyOffABleedingNode) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan looks at types through a pipe, and reports nonsense when it gets none";
#endif
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  rlimit before{};
  ASSERT_EQ(prlimit(bonedry_->pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{3, before.rlim_max};  // open descriptors stay open; no new ones
  ASSERT_EQ(prlimit(bonedry_->pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  alice_.drop_connections();  // so that the next click needs a new one
  ASSERT_TRUE(eventually([&] { return user.click().status == 503; }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(user.click().status, 503);
  ASSERT_EQ(prlimit(bonedry_->pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  ASSERT_TRUE(eventually([&] { return user.click().status == 200; }));
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(node(alice_).rescued, 0);
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_FALSE(node(alice_).dry);
}

TEST_P(HardshipStory, AUserIsRescuedOnlyToANodeThatCanBeReached) {
  TestConfig unmarked = config();
  unmarked.pools[0].health = {"interval = \"1h\"", "passive_failures = 0"};
  launch(unmarked);
  // The only health check: from here on the proxy detects failures from traffic alone.
  ASSERT_TRUE(eventually([&] { return node(alice_).health == "up" && node(bob_).health == "up"; }));
  User user = live_user_on(alice_);
  alice_.stop();
  bob_.stop();
  EXPECT_EQ(user.click().status, 502);
  EXPECT_EQ(node(alice_).rescued, 0);
  EXPECT_EQ(node(alice_).live, 1);
  alice_.start();
  bob_.start();
  ASSERT_TRUE(eventually([&] { return user.click().status == 200; }));
  EXPECT_EQ(user.node(), "alice") << "his cart is there";
}

TEST_P(HardshipStory, ANodeThatFallsSilentInAnEarlyAnswerEndsTheExchange) {
  TestConfig impatient = config();
  impatient.timeouts = {"stall = \"300ms\"", "response = \"300ms\"", "shutdown = \"2s\""};
  launch(impatient);
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/early", [](NodeExchange& exchange) {
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      (void)exchange.read_body();
      EXPECT_TRUE(exchange.peer_went());
    });
  }
  HttpClient client{bonedry_->address()};
  client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_EQ(client.read_head().status, 200);
  client.send("def");
  EXPECT_TRUE(
      eventually([&] { return node(alice_).exchanges_open + node(bob_).exchanges_open == 0; }));
}

TEST_P(HardshipStory, AfterAChangeOfAddressNobodyMeetsTheOldServer) {
  TestConfig alone = config();
  alone.pools[0].nodes.pop_back();
  launch(alone);
  HttpClient slow{bonedry_->address()};
  alice_.on("/slow", [this](NodeExchange& exchange) {
    EXPECT_TRUE(alice_.wait_for("/go", 1));
    exchange.respond(200, "slow");
  });
  slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(alice_.wait_for("/slow", 1));
  alone.pools[0].nodes[0].address = bob_.address();
  bonedry_->configure(alone);
  order("reload");
  EXPECT_EQ(HttpClient{alice_.address()}.get("/go").status, 200);
  EXPECT_EQ(slow.read_response().status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(slow.get("/after").status, 200);
  EXPECT_EQ(alice_.requests_for("/after"), 0U);
  EXPECT_EQ(bob_.requests_for("/after"), 5U);
}

TEST_P(HardshipStory, AHalfClosedClientGetsAllThatItAskedFor) {
  launch(config());
  HttpClient client{bonedry_->address()};
  client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\nGET /thr");
  client.socket().finish_sending();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_P(HardshipStory, EveryCookieOfOurNameStaysHere) {
  launch(config());
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get("/many", {{"Cookie", "bonedry=x; a=1; bonedry=y; b=2; bonedry=z"}}).status,
            200);
  FakeNode& served = alice_.requests_for("/many") == 1 ? alice_ : bob_;
  EXPECT_EQ(served.last("/many").headers.get("Cookie"), "a=1; b=2");
}

}  // namespace
}  // namespace bonedry::test
