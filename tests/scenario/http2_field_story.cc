// Heads of HTTP/2: methods, statuses and fields, of which a node that speaks HTTP/1.1 sees nothing
// unusual.
#include "tests/scenario/http2_story.h"

#include <memory>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Http2FieldStory : public Http2Story {
 protected:
  void SetUp() override {
    launch_alice();
    client_ = std::make_unique<Http2Client>(address());
  }
  /// The request as the node received it, sent with these fields.
  NodeRequest pass(const Headers& headers) {
    EXPECT_EQ(client_->get("/seen", headers).status, 200);
    return alice_.last("/seen");
  }

  std::unique_ptr<Http2Client> client_;
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2FieldStory, worker_counts(), name_of_workers);

TEST_P(Http2FieldStory, MethodsAndTargetsPass) {
  for (const std::string method :
       {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}) {
    const std::string target = "/m?x=%20" + std::string(2000, 'q');
    EXPECT_EQ(client_->exchange({.method = method, .target = target}).status, 200) << method;
    EXPECT_EQ(alice_.last("/m").method, method);
    EXPECT_EQ(alice_.last("/m").target, target);
  }
  EXPECT_EQ(client_->exchange({.method = "OPTIONS", .target = "*"}).status, 200);
  EXPECT_EQ(alice_.last("*").method, "OPTIONS");
}

TEST_P(Http2FieldStory, StatusesPass) {
  for (const int status : {200, 201, 206, 301, 404, 418, 500, 503, 599}) {
    alice_.on("/status", [status](NodeExchange& exchange) { exchange.respond(status, "text"); });
    const Response response = client_->get("/status");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, "text");
    EXPECT_TRUE(response.complete());
  }
}

TEST_P(Http2FieldStory, AHeadResponseHasALengthAndNoBody) {
  alice_.on("/page", answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: b\r\n\r\n"));
  alice_.on("/chunked", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const Response page = client_->exchange({.method = "HEAD", .target = "/page"});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.get("Content-Length"), "1234");
  EXPECT_EQ(page.headers.get("X-A"), "b");
  EXPECT_EQ(page.body_size, 0U);
  EXPECT_TRUE(page.complete());
  EXPECT_EQ(alice_.last("/page").method, "HEAD");
  EXPECT_TRUE(client_->exchange({.method = "HEAD", .target = "/chunked"}).complete());
}

TEST_P(Http2FieldStory, NoContentAndNotModifiedHaveNoBody) {
  alice_.on("/204", answering("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));
  alice_.on("/304",
            answering("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n"));
  const Response no_content = client_->get("/204");
  EXPECT_EQ(no_content.status, 204);
  EXPECT_EQ(no_content.headers.get("X-A"), "b");
  EXPECT_TRUE(no_content.complete());
  const Response not_modified = client_->get("/304");
  EXPECT_EQ(not_modified.status, 304);
  EXPECT_EQ(not_modified.headers.get("ETag"), "\"x\"");
  EXPECT_TRUE(not_modified.complete());
  EXPECT_EQ(client_->get("/next").status, 200);
}

TEST_P(Http2FieldStory, EarlyHintsPass) {
  alice_.on("/hints", answering("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                                "HTTP/1.1 103 Early Hints\r\nLink: </b.js>; rel=preload\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"));
  const Response response = client_->get("/hints");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "page");
  ASSERT_EQ(response.interim.size(), 2U);
  EXPECT_EQ(response.interim[0].status, 103);
  EXPECT_EQ(response.interim[0].headers.get("Link"), "</a.css>; rel=preload");
  EXPECT_EQ(response.interim[1].headers.get("Link"), "</b.js>; rel=preload");
  EXPECT_TRUE(set_cookie_value(response).has_value()) << "on the final response";
  EXPECT_FALSE(set_cookie_value(response.interim[0]).has_value());
}

TEST_P(Http2FieldStory, CookieCrumbsBecomeOneLineWithoutOurs) {
  const std::string ours = "bonedry=" + set_cookie_value(client_->get("/")).value_or("none");
  for (const std::string& all :
       {"a=1; " + ours + "; b=2", ours + "; a=1; b=2", "a=1; b=2; " + ours}) {
    const NodeRequest seen = pass({{"Cookie", all}});  // the client sends each in its own field
    EXPECT_THAT(seen.headers.all("Cookie"), ElementsAre("a=1; b=2"));
    EXPECT_THAT(seen.raw_head, Not(HasSubstr("bonedry=")));
  }
  EXPECT_FALSE(pass({{"Cookie", ours}}).headers.has("Cookie"));
  EXPECT_THAT(pass({{"Cookie", "a=1; b=2; c=3"}}).headers.all("Cookie"),
              ElementsAre("a=1; b=2; c=3"));
}

TEST_P(Http2FieldStory, ACookieInCrumbsIsRecognised) {
  User user{address(), User::Protocol::http2};
  user.set_cookie("a", "1");
  user.set_cookie("z", "2");
  EXPECT_TRUE(set_cookie_value(user.click()).has_value());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(node(alice_).live, 1);
}

TEST_P(Http2FieldStory, NoFieldOfTheNodesConnectionReachesTheClient) {
  alice_.on("/hop", answering("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\n"
                              "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                              "Upgrade: h2c\r\nX-Secret: 1\r\nX-KEPT: 3\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
  const Response response = client_->get("/hop");
  for (const char* name : {"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "X-Secret",
                           "Transfer-Encoding"}) {
    EXPECT_FALSE(response.headers.has(name)) << name;
  }
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.headers.get("X-Kept"), "3");
  for (const Header& field : response.headers) {
    EXPECT_THAT(field.name, Not(testing::ContainsRegex("[A-Z]")));
  }
}

TEST_P(Http2FieldStory, SetCookiesOfTheNodeAreAllKept) {
  alice_.on("/cookies", answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\n"
                                  "Set-Cookie: b=2; HttpOnly\r\nContent-Length: 0\r\n\r\n"));
  const std::vector<std::string> all = client_->get("/cookies").headers.all("Set-Cookie");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all, testing::IsSupersetOf({"a=1; Path=/", "b=2; HttpOnly"}));
  EXPECT_THAT(all, testing::Contains(StartsWith("bonedry=")));
}

TEST_P(Http2FieldStory, ViaIsAddedToTheResponse) {
  alice_.on("/via", answering("HTTP/1.1 200 OK\r\nVia: 1.1 cache\r\nContent-Length: 0\r\n\r\n"));
  std::string via;
  for (const std::string& value : client_->get("/via").headers.all("Via")) {
    via += (via.empty() ? "" : ", ") + value;
  }
  EXPECT_EQ(via, "1.1 cache, 1.1 bonedry");
}

TEST_P(Http2FieldStory, AClientCannotForgeItsAddress) {
  const NodeRequest seen = pass({{"X-Forwarded-For", "192.0.2.1"},
                                 {"X-Forwarded-For", "192.0.2.3"},
                                 {"X-Forwarded-Host", "evil.example"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
}

TEST_P(Http2FieldStory, AHeadThatIsTooLargeIsAnsweredWith431) {
  const Response response =
      client_->get("/", {{"X-Long", std::string(40'000, 'x')}});  // 32 KiB by default
  EXPECT_EQ(response.status, 431);
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(client_->get("/next").status, 200) << "the connection goes on";
  Headers many;
  for (int i = 0; i < 150; ++i) many.add("X-" + std::to_string(i), "1");
  EXPECT_EQ(client_->get("/", many).status, 431);
  EXPECT_EQ(client_->get("/next").status, 200);
}

TEST_P(Http2FieldStory, TheCombinedLogNamesTheVersion) {
  TestConfig combined = shop(workers(), {alice_});
  combined.server = {"[log]", "format = \"combined\""};
  launch_http2(combined);
  EXPECT_EQ(Http2Client{address()}.get("/logged").status, 200);
  EXPECT_TRUE(eventually_logged("\"GET /logged HTTP/2.0\" 200 ")) << bonedry_->out();
}

}  // namespace
}  // namespace bonedry::test
