// What a listener answers without a node. Redirects and challenges are told in
// tests/scenario/redirect_story.cc.
#include "proxy/local_answers.h"

#include "tests/unit/balancer/handmade_pool.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::proxy {
namespace {

using balancer::test::kNow;

class HealthPathTest : public testing::Test {
 protected:
  HealthPathTest() {
    pool.add("alice");
    listener.health_path = "/-/health";
  }

  std::optional<LocalAnswer> answer_to(const std::string& head) {
    const http::test::ParsedRequest& request =
        requests_.emplace_back(head + "\r\nHost: shop.example\r\n\r\n");
    const balancer::PoolView* const view = listener.pool.empty() ? nullptr : &pool.view;
    return LocalAnswers(listener, hosts, view)
        .find({request.head, request.facts(), tls, kNow, process});
  }
  /// "200 ok", as the response to a health check.
  std::string health(const std::string& method = "GET") {
    const auto answer = answer_to(method + " /-/health HTTP/1.1");
    if (!answer || !answer->response) return "no answer";
    EXPECT_EQ(answer->logged, LocalAnswer::Logged::no);
    const http::LocalResponse& response = *answer->response;
    if (!response.content) return std::to_string(response.status);
    EXPECT_EQ(response.content_type, http::kPlainText);
    EXPECT_TRUE(response.content->ends_with('\n'));
    return std::to_string(response.status) + " " +
           response.content->substr(0, response.content->size() - 1);
  }

  balancer::test::HandmadePool pool;
  conf::Listener listener{{"127.0.0.1", 80}, "shop"};
  std::shared_ptr<const tls::HostNames> hosts;
  const io::TlsInfo* tls = nullptr;
  ProcessState process = ProcessState::running;

 private:
  std::deque<http::test::ParsedRequest> requests_;  // heads are views of them
};

TEST_F(HealthPathTest, SaysWhetherNewUsersWouldBeServedAndWhyNot) {
  EXPECT_EQ(health(), "200 ok");
  pool[0].max_sessions = 1;
  pool.set_live(0, 1);
  EXPECT_EQ(health(), "503 all healthy nodes are full");
  pool.node(0).set_health(balancer::Health::down);
  EXPECT_EQ(health(), "503 no active node is healthy");
  pool.close_door(0, balancer::NodeState::bleeding, balancer::Door::sessions_only);
  EXPECT_EQ(health(), "503 no node is active");
  process = ProcessState::stopping;
  EXPECT_EQ(health(), "503 shutting down");
}

TEST_F(HealthPathTest, AListenerWithoutAPoolIsHealthyUntilTheProcessStops) {
  listener.pool.clear();
  listener.redirect = conf::Redirect::https;
  EXPECT_EQ(health(), "200 ok");
  process = ProcessState::stopping;
  EXPECT_EQ(health(), "503 shutting down");
  EXPECT_EQ(answer_to("GET / HTTP/1.1")->response->status, 308);
}

TEST_F(HealthPathTest, TakesGetAndHeadOnly) {
  EXPECT_EQ(health("HEAD"), "200 ok");
  for (const char* method : {"POST", "OPTIONS", "DELETE", "PUT"}) {
    EXPECT_EQ(health(method), "405") << method;
    EXPECT_EQ(answer_to(std::string(method) + " /-/health HTTP/1.1")->response->allow, "GET, HEAD");
  }
}

TEST_F(HealthPathTest, IsThisPathAlone) {
  EXPECT_TRUE(answer_to("GET /-/health?from=lb1 HTTP/1.1"));
  EXPECT_TRUE(answer_to("GET http://shop.example/-/health HTTP/1.1"));
  for (const char* path : {"/", "/-/health/", "/-/healt", "/x/-/health", "/-/Health"}) {
    EXPECT_FALSE(answer_to("GET " + std::string(path) + " HTTP/1.1")) << path;
  }
  listener.health_path.clear();
  EXPECT_FALSE(answer_to("GET /-/health HTTP/1.1"));
}

}  // namespace
}  // namespace bonedry::proxy
