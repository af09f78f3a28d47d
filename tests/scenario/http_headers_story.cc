// Header fields: which ones the proxy adds, removes, and must leave alone.
#include "tests/scenario/story.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class HeaderStory : public Story {
 protected:
  /// The request as the node received it, sent with these fields.
  NodeRequest pass(const Headers& headers) {
    const Response response = client_.get("/seen", headers);
    EXPECT_EQ(response.status, 200);
    return alice_.last("/seen");
  }

  FakeNode alice_{"alice"};
  BonedryProcess bonedry_{shop(workers(), {alice_})};
  HttpClient client_{bonedry_.address()};
};

INSTANTIATE_TEST_SUITE_P(Workers, HeaderStory, worker_counts(), name_of_workers);

TEST_P(HeaderStory, TheNodeLearnsWhoAsked) {
  const NodeRequest seen = pass({});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"), ElementsAre("http"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
  EXPECT_THAT(seen.headers.all("Host"), ElementsAre("shop.example"));
}

TEST_P(HeaderStory, AClientCannotForgeItsAddress) {
  const NodeRequest seen =
      pass({{"X-Forwarded-For", "192.0.2.1, 192.0.2.2"}, {"X-Forwarded-For", "192.0.2.3"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
}

TEST_P(HeaderStory, AClientCannotForgeProtoAndHost) {
  const NodeRequest seen =
      pass({{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "evil.example"}});
  EXPECT_THAT(seen.headers.all("X-Forwarded-Proto"), ElementsAre("http"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-Host"), ElementsAre("shop.example"));
}

TEST_P(HeaderStory, ViaIsAddedBothWays) {
  alice_.on("/via", answering("HTTP/1.1 200 OK\r\nVia: 1.1 cache\r\nContent-Length: 0\r\n\r\n"));
  const Response response = client_.get("/via", {{"Via", "1.0 fred"}});
  std::string up;
  for (const std::string& value : alice_.last("/via").headers.all("Via")) {
    up += (up.empty() ? "" : ", ") + value;
  }
  EXPECT_EQ(up, "1.0 fred, 1.1 bonedry");
  std::string down;
  for (const std::string& value : response.headers.all("Via")) {
    down += (down.empty() ? "" : ", ") + value;
  }
  EXPECT_EQ(down, "1.1 cache, 1.1 bonedry");
}

TEST_P(HeaderStory, ViaNamesTheVersionThatWasReceived) {
  EXPECT_EQ(client_.exchange({.target = "/old", .version = "HTTP/1.0"}).status, 200);
  EXPECT_EQ(alice_.last("/old").headers.get("Via"), "1.0 bonedry");
}

TEST_P(HeaderStory, HopByHopFieldsOfARequestStayHere) {
  const NodeRequest seen = pass({{"Connection", "keep-alive, X-Secret , x-other"},
                                 {"Keep-Alive", "timeout=5"},
                                 {"Proxy-Connection", "keep-alive"},
                                 {"X-Secret", "1"},
                                 {"X-Other", "2"},
                                 {"TE", "gzip"},
                                 {"Upgrade", "h2c"},
                                 {"X-Kept", "3"}});
  for (const char* name : {"Keep-Alive", "Proxy-Connection", "X-Secret", "X-Other", "Upgrade"}) {
    EXPECT_FALSE(seen.headers.has(name)) << name;
  }
  EXPECT_FALSE(seen.headers.has_token("TE", "gzip"));
  EXPECT_FALSE(seen.headers.has_token("Connection", "x-secret"));
  EXPECT_EQ(seen.headers.get("X-Kept"), "3");
}

TEST_P(HeaderStory, HopByHopFieldsOfAResponseStayHere) {
  alice_.on("/hop", answering("HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\n"
                              "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                              "X-Secret: 1\r\nX-Kept: 3\r\nContent-Length: 0\r\n\r\n"));
  const Response response = client_.get("/hop");
  for (const char* name : {"Keep-Alive", "Proxy-Connection", "X-Secret"}) {
    EXPECT_FALSE(response.headers.has(name)) << name;
  }
  EXPECT_FALSE(response.headers.has_token("Connection", "x-secret"));
  EXPECT_EQ(response.headers.get("X-Kept"), "3");
}

TEST_P(HeaderStory, ConnectionCannotNameAwayWhatTheProxyNeeds) {
  // A client may not remove the framing, the host, or the address that we report for it.
  HttpClient client{bonedry_.address()};
  client.send(
      "POST /named HTTP/1.1\r\nHost: shop.example\r\nCookie: a=1\r\n"
      "Connection: Content-Length, Host, X-Forwarded-For, Via\r\n"
      "Content-Length: 4\r\n\r\nbody");
  const Response response = client.read_response("POST");
  if (response.status == 400) return;  // refusing is just as safe
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(nlohmann::json::parse(response.body).at("size"), 4);
  const NodeRequest seen = alice_.last("/named");
  EXPECT_THAT(seen.headers.all("Host"), ElementsAre("shop.example"));
  EXPECT_THAT(seen.headers.all("X-Forwarded-For"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(seen.headers.get("Via"), HasSubstr("bonedry"));
}

TEST_P(HeaderStory, FieldsKeepTheirOrderAndTheirSpelling) {
  client_.send(
      "GET /order HTTP/1.1\r\nhost: shop.example\r\nx-LOWER: A  b\r\nAccept: 1\r\n"
      "ACCEPT: 2\r\nX-Empty:\r\nX-Bytes: caf\xc3\xa9\r\n\r\n");
  EXPECT_EQ(client_.read_response().status, 200);
  const std::string raw = alice_.last("/order").raw_head;
  std::size_t at = 0;
  for (const char* line : {"x-LOWER: A  b\r\n", "Accept: 1\r\n", "ACCEPT: 2\r\n",
                           "X-Empty:", "X-Bytes: caf\xc3\xa9\r\n"}) {
    const auto found = raw.find(line, at);
    ASSERT_NE(found, std::string::npos) << line << "in\n" << raw;
    at = found;
  }
}

TEST_P(HeaderStory, OurCookieIsRemovedAndTheOthersKeepTheirOrder) {
  User user{bonedry_.address()};
  user.click();
  const std::string ours = "bonedry=" + user.cookie();
  EXPECT_EQ(pass({{"Cookie", "a=1; " + ours + "; b=2"}}).headers.get("Cookie"), "a=1; b=2");
  EXPECT_EQ(pass({{"Cookie", ours + "; a=1; b=2"}}).headers.get("Cookie"), "a=1; b=2");
  EXPECT_EQ(pass({{"Cookie", "a=1; b=2; " + ours}}).headers.get("Cookie"), "a=1; b=2");
  EXPECT_FALSE(pass({{"Cookie", ours}}).headers.has("Cookie"));
  EXPECT_EQ(pass({{"Cookie", "a=\"x; y\"; " + ours + ";b=2"}}).raw_head.find("bonedry="),
            std::string::npos);
}

TEST_P(HeaderStory, OurCookieIsRemovedFromEveryCookieField) {
  User user{bonedry_.address()};
  user.click();
  const std::string ours = "bonedry=" + user.cookie();
  const NodeRequest seen =
      pass({{"Cookie", "a=1"}, {"Cookie", ours + "; b=2"}, {"Cookie", ours}, {"Cookie", "c=3"}});
  std::string all;
  for (const std::string& value : seen.headers.all("Cookie")) all += value + ';';
  EXPECT_THAT(seen.raw_head, testing::Not(HasSubstr(user.cookie())));
  for (const char* other : {"a=1", "b=2", "c=3"}) EXPECT_THAT(all, HasSubstr(other));
}

TEST_P(HeaderStory, CookiesThatOnlyLookLikeOursAreLeftAlone) {
  const std::string others = "xbonedry=1; bonedryx=2; a=bonedry=3; bonedr=4";
  EXPECT_EQ(pass({{"Cookie", others}}).headers.get("Cookie"), others);
}

TEST_P(HeaderStory, AForgedCookieOfOursDoesNotReachTheNodeEither) {
  EXPECT_EQ(pass({{"Cookie", "a=1; bonedry=forged; b=2"}}).headers.get("Cookie"), "a=1; b=2");
}

TEST_P(HeaderStory, SetCookiesOfTheNodeAreAllKept) {
  alice_.on("/cookies", answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\n"
                                  "Set-Cookie: b=2; HttpOnly\r\nContent-Length: 0\r\n\r\n"));
  const Response response = client_.get("/cookies");
  const std::vector<std::string> all = response.headers.all("Set-Cookie");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all, testing::IsSupersetOf({"a=1; Path=/", "b=2; HttpOnly"}));
  EXPECT_THAT(all, testing::Contains(StartsWith("bonedry=")));
}

TEST_P(HeaderStory, ServerAndDateOfTheNodeAreKept) {
  alice_.on("/date", answering("HTTP/1.1 200 Fine\r\nServer: tomcat\r\n"
                               "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"));
  const Response response = client_.get("/date");
  EXPECT_THAT(response.headers.all("Server"), ElementsAre("tomcat"));
  EXPECT_THAT(response.headers.all("Date"), ElementsAre("Sun, 06 Nov 1994 08:49:37 GMT"));
  EXPECT_EQ(response.reason, "Fine");
}

}  // namespace
}  // namespace bonedry::test
