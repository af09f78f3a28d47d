// Users who log out: their session ends immediately, not at its time-out.
#include "tests/scenario/story.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kLogoutRule = R"(logout = [{ method = "POST", path = "/logout" }])";

Request post(const std::string& target) {
  return {.method = "POST", .target = target};
}

// No story waits for the idle time-out, which is 20 minutes here: a session that ends was logged
// out.
class LogoutStory : public ShopStory {
 protected:
  void launch_shop() {
    launch(config(
        {kLogoutRule, "logout_header = \"X-Logged-Out\"", "logout_cookie = \"JSESSIONID\""}));
  }

  /// Sets the response of alice and bob to this path.
  void answer(const std::string& path, int status, const Headers& headers) {
    for (FakeNode* node : {&alice_, &bob_}) {
      node->on(path, [status, headers](NodeExchange& exchange) {
        exchange.read_body();
        exchange.respond(status, "", headers);
      });
    }
  }

  /// Bleeds alice; returns live users on her, with no other user on bob.
  std::vector<User> users_on_bleeding_alice(int count) {
    std::vector<User> users = live_users_on_alice(count);
    order("bleed alice");
    EXPECT_EQ(node(alice_).live, count);
    return users;
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, LogoutStory, worker_counts(), name_of_workers);

TEST_P(LogoutStory, TheNodeIsDryWhenTheLastOfNinetyHasLoggedOut) {
  launch_shop();
  answer("/logout", 303, {{"Location", "/"}});
  std::vector<User> users = users_on_bleeding_alice(90);
  std::int64_t left = 90;
  for (User& user : users) {
    EXPECT_EQ(user.send(post("/logout")).status, 303);
    --left;
    if (left % 10 != 0) continue;
    const NodeView view = node(alice_);
    ASSERT_EQ(view.live, left) << "at once: the client has only just heard it";
    ASSERT_EQ(view.logged_out, 90 - left);
    ASSERT_TRUE(left == 0 || !view.dry);
  }
  EXPECT_EQ(ctl().code({"wait", "alice"}), 0);
  EXPECT_TRUE(node(alice_).dry);
  EXPECT_EQ(bonedry_->status().at("ledger").at("sessions"), 0);
}

TEST_P(LogoutStory, EveryWayOfLoggingOutEndsTheSessionAndClearsOurCookie) {
  launch_shop();
  answer("/logout", 200, {});
  answer("/header", 200, {{"X-LOGGED-OUT", "whatever"}});
  answer("/empty-header", 200, {{"x-logged-out", ""}});
  answer("/refused-with-header", 403, {{"X-Logged-Out", "1"}});
  answer("/empty", 200, {{"Set-Cookie", "JSESSIONID=; Path=/"}});
  answer("/max-age", 200, {{"Set-Cookie", "a=1"}, {"Set-Cookie", "JSESSIONID=x; Max-Age=0"}});
  answer("/expires", 302, {{"Set-Cookie", "JSESSIONID=x; Expires=Thu, 01-Jan-70 00:00:01 GMT"}});
  std::int64_t counted = 0;
  for (const Request& request :
       {post("/logout"), post("/logout?everywhere=yes"), Request{.target = "/header"},
        Request{.target = "/empty-header"}, Request{.target = "/refused-with-header"},
        Request{.target = "/empty"}, Request{.target = "/max-age"},
        Request{.target = "/expires"}}) {
    User user = live_user_on(alice_);
    const std::int64_t live = node(alice_).live;
    const Response response = user.send(request);
    EXPECT_EQ(node(alice_).live, live - 1) << request.target;
    EXPECT_EQ(node(alice_).logged_out, ++counted) << request.target;
    EXPECT_EQ(set_cookie_value(response), "") << request.target;
    const std::string cleared = response.headers.all("Set-Cookie").back();
    EXPECT_THAT(cleared, StartsWith("bonedry=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; "));
    EXPECT_THAT(cleared, EndsWith("Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
    EXPECT_FALSE(response.headers.has("X-Logged-Out")) << "it is between the node and us";
    EXPECT_FALSE(user.has_cookie());
  }
  EXPECT_TRUE(eventually([this] {
    return bonedry_->out().find("\"logged_out\":true") != std::string::npos;
  })) << "the access log says so";
}

TEST_P(LogoutStory, ARefusedLogoutAndWhatOnlyLooksLikeOneLeaveTheUserThere) {
  launch_shop();
  answer("/logout", 403, {});
  answer("/given", 200,
         {{"Set-Cookie", "JSESSIONID=old; Path=/a; Max-Age=0"}, {"Set-Cookie", "JSESSIONID=new"}});
  answer("/other", 200, {{"Set-Cookie", "jsessionid=; Max-Age=0"}, {"X-Logged-Outside", "1"}});
  User user = live_user_on(alice_);
  const std::int64_t live = node(alice_).live;
  for (const Request& request :
       {post("/logout"), Request{.target = "/logout"}, post("/logout/"), post("/Logout"),
        post("/page?/logout"), Request{.target = "/given"}, Request{.target = "/other"}}) {
    const Response response = user.send(request);
    EXPECT_EQ(set_cookie_value(response), std::nullopt) << request.target;
    EXPECT_EQ(node(alice_).live, live) << request.method << " " << request.target;
    EXPECT_EQ(user.node(), "alice");
  }
  EXPECT_EQ(node(alice_).logged_out, 0);
  EXPECT_THAT(bonedry_->out(), Not(HasSubstr("logged_out")));
}

TEST_P(LogoutStory, RequestsThatAreUnderWayAreFinishedAndHoldTheNode) {
  launch_shop();
  const Gate gate;
  alice_.on("/slow", [gate](NodeExchange& exchange) {
    EXPECT_TRUE(gate.wait());
    exchange.respond(200, "all of it");
  });
  answer("/logout", 204, {});
  std::vector<User> users = users_on_bleeding_alice(1);
  const Headers cookie{{"Cookie", "bonedry=" + users[0].cookie()}};
  std::vector<std::unique_ptr<HttpClient>> parallel;
  for (std::size_t i = 0; i < 3; ++i) {
    parallel.push_back(std::make_unique<HttpClient>(bonedry_->address()));
    parallel.back()->send(Request{.target = "/slow", .headers = cookie}.to_wire());
    ASSERT_TRUE(alice_.wait_for("/slow", i + 1));
  }
  EXPECT_EQ(users[0].send(post("/logout")).status, 204);
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_FALSE(eventually_dry(alice_, Millis{500})) << "three requests are still with her";
  EXPECT_TRUE(node(alice_).blocked_by("exchange"));
  gate.open();
  for (const auto& client : parallel) {
    const Response response = client->read_response();
    EXPECT_EQ(response.body, "all of it");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
  }
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_EQ(node(alice_).sessions(), 0);
  EXPECT_EQ(node(alice_).logged_out, 1);
}

TEST_P(LogoutStory, HeadsWithoutABodyAndInterimOnesAreNoDifferent) {
  launch_shop();
  answer("/header", 200, {{"X-Logged-Out", "1"}});
  for (FakeNode* each : {&alice_, &bob_}) {
    each->on("/hinted",
             answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Node: " + each->name() +
                       "\r\n\r\nHTTP/1.1 204 No Content\r\nX-Logged-Out: 1\r\nX-Node: " +
                       each->name() + "\r\n\r\n"));
    each->on(
        "/hint-alone",
        answering("HTTP/1.1 103 Early Hints\r\nSet-Cookie: JSESSIONID=\r\nX-Node: " + each->name() +
                  "\r\n\r\nHTTP/1.1 204 No Content\r\nX-Node: " + each->name() + "\r\n\r\n"));
  }
  User head = live_user_on(alice_);
  std::int64_t live = node(alice_).live;
  Request request{.method = "HEAD", .target = "/header"};
  EXPECT_EQ(set_cookie_value(head.send(request)), "");
  EXPECT_EQ(node(alice_).live, live - 1);

  User hinted = live_user_on(alice_);
  live = node(alice_).live;
  EXPECT_EQ(set_cookie_value(hinted.click("/hint-alone")), std::nullopt);
  EXPECT_EQ(node(alice_).live, live) << "a hint is no answer";
  const Response response = hinted.click("/hinted");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(set_cookie_value(response), "");
  EXPECT_EQ(node(alice_).live, live - 1);
}

TEST_P(LogoutStory, WhoComesBackAfterwardsIsNew) {
  launch_shop();
  answer("/logout", 200, {});
  std::vector<User> users = users_on_bleeding_alice(3);
  const std::string old_cookie = users[1].cookie();
  for (User& user : users) EXPECT_EQ(user.send(post("/logout")).status, 200);
  users[0].click();
  EXPECT_EQ(users[0].node(), "bob") << "without a cookie: a new user";
  EXPECT_TRUE(users[0].has_cookie());
  users[1].set_cookie("bonedry", old_cookie);
  users[1].click();
  EXPECT_EQ(users[1].node(), "bob") << "with the old one: its session has ended";
  EXPECT_EQ(node(alice_).late, 1);
  EXPECT_TRUE(eventually_dry(alice_));
}

TEST_P(LogoutStory, WhoLogsOutWithoutASessionBeginsNone) {
  launch_shop();
  answer("/logout", 200, {});
  HttpClient client{bonedry_->address()};
  EXPECT_FALSE(client.exchange(post("/logout")).headers.has("Set-Cookie"));
  EXPECT_EQ(node(alice_).sessions() + node(bob_).sessions(), 0);
}

TEST_P(LogoutStory, WithoutTheKeysNothingIsALogout) {
  launch(config());
  answer("/logout", 200, {{"X-Logged-Out", "1"}, {"Set-Cookie", "JSESSIONID=; Max-Age=0"}});
  User user = live_user_on(alice_);
  const Response response = user.send(post("/logout"));
  EXPECT_TRUE(response.headers.has("X-Logged-Out"));
  EXPECT_EQ(response.headers.count("Set-Cookie"), 1U);
  EXPECT_EQ(user.node(), "alice");
  EXPECT_EQ(node(alice_).logged_out, 0);
  EXPECT_TRUE(user.has_cookie());
}

}  // namespace
}  // namespace bonedry::test
