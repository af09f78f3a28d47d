// What a load balancer in front learns about the proxy itself: health_path.
#include "tests/scenario/story.h"

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPath = "/-/health";

class HealthPathStory : public ShopStory {
 protected:
  [[nodiscard]] TestConfig telling(const std::string& path = kPath) const {
    TestConfig shop = config();
    shop.pools[0].listener = {"health_path = \"" + path + "\""};
    return shop;
  }
  void launch_telling() { launch(telling()); }

  /// "200 ok", asked for over a new connection.
  [[nodiscard]] std::string health() const {
    HttpClient balancer{bonedry_->address()};
    return text_of(balancer.get(kPath));
  }
  static std::string text_of(const Response& response) {
    EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(response.headers.get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
    EXPECT_TRUE(response.body.ends_with('\n'));
    return std::to_string(response.status) + " " +
           response.body.substr(0, response.body.find('\n'));
  }
  [[nodiscard]] bool becomes(const std::string& expected) const {
    return eventually([&] { return health() == expected; });
  }
  void send(int signal) const { ASSERT_EQ(::kill(bonedry_->pid(), signal), 0); }
};

INSTANTIATE_TEST_SUITE_P(Workers, HealthPathStory, worker_counts(), name_of_workers);

TEST_P(HealthPathStory, IsAnsweredWithoutANode) {
  launch_telling();
  HttpClient balancer{bonedry_->address()};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text_of(balancer.get(kPath)), "200 ok");
  EXPECT_EQ(text_of(balancer.get(std::string(kPath) + "?from=lb1")), "200 ok");
  const Response head = balancer.exchange({.method = "HEAD", .target = kPath});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.get("Content-Length"), "3");
  balancer.send(std::string("GET ") + kPath + " HTTP/1.0\r\n\r\n");
  EXPECT_EQ(text_of(balancer.read_response()), "200 ok") << "as HAProxy asks";
  EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
  EXPECT_EQ(bonedry_->status().at("ledger").at("sessions"), 0);
  EXPECT_EQ(HttpClient{bonedry_->address()}.get("/-/health/").status, 200);
  EXPECT_EQ(alice_.requests() + bob_.requests(), 1U) << "which is another path";
}

TEST_P(HealthPathStory, OtherMethodsAreNotAllowed) {
  launch_telling();
  HttpClient balancer{bonedry_->address()};
  for (const std::string method : {"POST", "OPTIONS", "DELETE"}) {
    const Response response = balancer.exchange({.method = method, .target = kPath});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.headers.all("Allow"), std::vector<std::string>{"GET, HEAD"});
  }
  EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
}

TEST_P(HealthPathStory, FailsWhenNoNodeIsActive) {
  launch_telling();
  order("bleed alice");
  EXPECT_EQ(health(), "200 ok");
  order("bleed bob --force");
  EXPECT_EQ(health(), "503 no node is active");
  order("maintain bob --force");
  EXPECT_EQ(health(), "503 no node is active");
  order("activate alice");
  EXPECT_TRUE(becomes("200 ok"));
}

TEST_P(HealthPathStory, FailsWhenNoActiveNodeIsHealthy) {
  TestConfig checked = telling();
  checked.pools[0].health = {"interval = \"50ms\"", "rise = 1", "fall = 1"};
  launch(checked);
  EXPECT_TRUE(becomes("200 ok"));
  alice_.stop();
  bob_.stop();
  EXPECT_TRUE(becomes("503 no active node is healthy"));
  bob_.start();
  EXPECT_TRUE(becomes("200 ok"));
}

TEST_P(HealthPathStory, FailsWhenAllNodesAreFull) {
  TestConfig small = telling();
  for (TestNode& node : small.pools[0].nodes) node.keys = {"max_sessions = 1"};
  launch(small);
  User one{bonedry_->address()};
  one.click();
  EXPECT_EQ(health(), "200 ok");
  User other{bonedry_->address()};
  other.click();
  EXPECT_EQ(health(), "503 all healthy nodes are full");
  EXPECT_EQ(one.click().status, 200) << "users who are here are served";
}

TEST_P(HealthPathStory, FailsForAWhileBeforeTheListenersClose) {
  TestConfig slow = telling();
  slow.timeouts = {"shutdown_delay = \"1h\""};
  launch(slow);
  User user = live_user_on(alice_);
  send(SIGTERM);
  ASSERT_TRUE(bonedry_->says("listeners close in 1h"));
  EXPECT_TRUE(becomes("503 shutting down"));
  EXPECT_EQ(user.click().status, 200);
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(User{bonedry_->address()}.click().status, 200) << "the balancer may not know yet";
  order("reload");
  EXPECT_EQ(health(), "503 shutting down");
  EXPECT_THAT(bonedry_->admin("upgrade"), HasSubstr("bonedry is stopping"));
  bonedry_->stop();  // its signal is the second one; this checks the exit code
}

TEST_P(HealthPathStory, TheListenersCloseAfterTheDelay) {
  TestConfig quick = telling();
  quick.timeouts = {"shutdown_delay = \"100ms\""};
  launch(quick);
  send(SIGTERM);
  EXPECT_TRUE(bonedry_->says("listeners close in 100ms"));
  EXPECT_TRUE(bonedry_->says("waiting for open requests"));
  EXPECT_TRUE(eventually([this] { return !bonedry_->running(); }));
  bonedry_->stop();  // this checks the exit code
}

TEST_P(HealthPathStory, AnUpgradeIsNoEnd) {
  launch_telling();
  HttpClient before{bonedry_->address()};
  EXPECT_EQ(text_of(before.get(kPath)), "200 ok");
  bonedry_->upgrade();
  ASSERT_TRUE(bonedry_->predecessor_drains());
  const Response response = before.get(kPath);
  EXPECT_EQ(text_of(response), "200 ok") << "by the old process";
  EXPECT_EQ(response.headers.get("Connection"), "close");
  EXPECT_EQ(health(), "200 ok");
  EXPECT_TRUE(bonedry_->predecessor_ends());
}

TEST_P(HealthPathStory, IsNotInTheAccessLogButCounted) {
  launch_telling();
  HttpClient client{bonedry_->address()};
  EXPECT_EQ(client.get(kPath).status, 200);
  EXPECT_EQ(client.exchange({.method = "DELETE", .target = kPath}).status, 405);
  EXPECT_EQ(client.get("/page").status, 200);
  ASSERT_TRUE(eventually([this] { return bonedry_->out().find("/page") != std::string::npos; }));
  EXPECT_THAT(bonedry_->out(), Not(HasSubstr(kPath)));
  EXPECT_EQ(bonedry_->status().at("exchanges").at("ended").at("completed"), 3);
}

TEST_P(HealthPathStory, AReloadChangesThePath) {
  launch_telling();
  bonedry_->configure(telling("/other"));
  order("reload");
  HttpClient balancer{bonedry_->address()};
  EXPECT_EQ(text_of(balancer.get("/other")), "200 ok");
  EXPECT_EQ(alice_.requests() + bob_.requests(), 0U);
  (void)balancer.get(kPath);
  EXPECT_EQ(alice_.requests() + bob_.requests(), 1U);
}

}  // namespace
}  // namespace bonedry::test
