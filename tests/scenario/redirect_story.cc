// What a plain listener answers without asking a node: redirects to https, and ACME challenges.
#include "tests/scenario/story.h"
#include "tests/support/temporary_directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kChallenges = "/.well-known/acme-challenge/";

/// The shop, and beside its listener one more that is plain.
class RedirectStory : public ShopStory {
 protected:
  /// `keys` of the other listener, as "key = value".
  void launch_with(const std::vector<std::string>& keys) {
    TestConfig shop = config();
    add_listener(shop, keys);
    launch(shop);
  }
  static void add_listener(TestConfig& shop, const std::vector<std::string>& keys) {
    auto& lines = shop.pools[0].listener;
    lines.insert(lines.end(), {"[[listener]]", "address = \"127.0.0.1:0\""});
    lines.insert(lines.end(), keys.begin(), keys.end());
  }
  [[nodiscard]] std::string directory(const TemporaryDirectory& where) const {
    return "acme_challenges = \"" + where.path() + "\"";
  }
  [[nodiscard]] std::string door() const {
    return bonedry_->status().at("listeners").at(1).at("address");
  }
  [[nodiscard]] std::string location_of(const std::string& request) const {
    HttpClient client{door()};
    client.send(request + "\r\n\r\n");
    const Response response = client.read_response();
    EXPECT_EQ(response.status, 308) << request;
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
    return response.headers.get("Location");
  }
  [[nodiscard]] std::size_t requests_of_nodes() const {
    return alice_.requests() + bob_.requests();
  }

  TemporaryDirectory challenges_;
};

INSTANTIATE_TEST_SUITE_P(Workers, RedirectStory, worker_counts(), name_of_workers);

TEST_P(RedirectStory, EveryRequestIsSentToTheSameHostAndTargetOverHttps) {
  launch_with({"redirect = \"https\""});
  for (const auto& [request, location] : std::vector<std::pair<std::string, std::string>>{
           {"GET /a/b?c=d&e HTTP/1.1\r\nHost: shop.example", "https://shop.example/a/b?c=d&e"},
           {"GET / HTTP/1.1\r\nHost: shop.example:8080", "https://shop.example/"},
           {"GET / HTTP/1.0\r\nHost: shop.example", "https://shop.example/"},
           {"GET / HTTP/1.1\r\nHost: 192.0.2.1:80", "https://192.0.2.1/"},
           {"GET / HTTP/1.1\r\nHost: [2001:db8::1]", "https://[2001:db8::1]/"},
           {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80", "https://[2001:db8::1]/"},
           {"GET http://shop.example:80/x?y HTTP/1.1\r\nHost: shop.example:80",
            "https://shop.example/x?y"},
           {"GET http://shop.example HTTP/1.1\r\nHost: shop.example", "https://shop.example/"},
           {"OPTIONS * HTTP/1.1\r\nHost: shop.example", "https://shop.example"},
           {"GET //other.example/ HTTP/1.1\r\nHost: shop.example",
            "https://shop.example//other.example/"},
           {"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-Host: other.example",
            "https://shop.example/"},
           {"GET /chat HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket",
            "https://shop.example/chat"},
           {"GET " + kChallenges + "token HTTP/1.1\r\nHost: shop.example",
            "https://shop.example" + kChallenges + "token"}}) {
    EXPECT_EQ(location_of(request), location);
  }
  EXPECT_EQ(requests_of_nodes(), 0U);
}

TEST_P(RedirectStory, TheConnectionStaysUnlessABodyIsStillToCome) {
  launch_with({"redirect = \"https\""});
  HttpClient client{door()};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get("/").status, 308);
    EXPECT_EQ(client.exchange({.method = "HEAD"}).status, 308);
  }
  client.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\nbegin");
  const Response response = client.read_response("POST");
  EXPECT_EQ(response.status, 308);
  EXPECT_EQ(response.headers.get("Connection"), "close");
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_P(RedirectStory, ARequestWithoutAValidHostIsRefused) {
  launch_with({"redirect = \"https\""});
  for (const std::string request :
       {"GET / HTTP/1.0", "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: ", "GET / HTTP/1.1\r\nHost: a b", "GET / HTTP/1.1\r\nHost: :80",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a", "GET / HTTP/1.1\r\nHost: user@a",
        "GET / HTTP/1.1\r\nHost: a/b"}) {
    HttpClient client{door()};
    client.send(request + "\r\n\r\n");
    const Response response = client.read_response();
    EXPECT_EQ(response.status, 400) << request;
    EXPECT_FALSE(response.headers.has("Location"));
  }
  EXPECT_TRUE(eventually(
      [this] { return bonedry_->status().at("exchanges").at("ended").at("bad_request") == 8; }));
}

TEST_P(RedirectStory, ItIsLoggedAndCounted) {
  launch_with({"redirect = \"https\""});
  HttpClient client{door()};
  EXPECT_EQ(client.get("/logged").status, 308);
  EXPECT_TRUE(eventually([this] { return bonedry_->out().find("/logged") != std::string::npos; }));
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("status":308)"));
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("pool":"")"));
  const nlohmann::json status = bonedry_->status();
  EXPECT_EQ(status.at("exchanges").at("ended").at("completed"), 1);
  EXPECT_EQ(status.at("listeners").at(1).at("redirect"), "https");
  EXPECT_TRUE(status.at("listeners").at(1).at("pool").is_null());
  EXPECT_THAT(bonedry_->admin("status"), HasSubstr(": redirects to https\n"));
}

/// Neither a new topology nor the end of its client may ask a redirect for its node.
TEST_P(RedirectStory, AClientThatDoesNotReadHoldsNothingUp) {
  launch_with({"redirect = \"https\""});
  HttpClient greedy{door()};
  const std::string target(8000, 'x');
  const std::string request = "GET /" + target + " HTTP/1.1\r\nHost: shop.example\r\n\r\n";
  std::size_t sent = 0;
  // Until nothing moves any more: its buffers and the proxy's are full.
  while (greedy.socket().wait_writable(Millis{200})) sent += greedy.socket().send_now(request);
  EXPECT_GT(sent, request.size());
  order("bleed alice");
  order("maintain alice --force");
  HttpClient other{door()};
  EXPECT_EQ(other.get("/").status, 308);
  greedy.socket().reset();
  EXPECT_EQ(HttpClient{bonedry_->address()}.get("/").status, 200);
}

TEST_P(RedirectStory, ChallengesAreAnsweredFromFiles) {
  challenges_.write("Token_-1", "Token_-1.thumbprint");
  for (const std::string& use :
       {std::string("redirect = \"https\""), std::string("pool = \"shop\"")}) {
    launch_with({use, directory(challenges_)});
    HttpClient client{door()};
    const Response response = client.get(kChallenges + "Token_-1");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "Token_-1.thumbprint");
    EXPECT_EQ(response.headers.get("Content-Type"), "application/octet-stream");
    EXPECT_FALSE(response.headers.has("Set-Cookie"));
    client.send("HEAD " + kChallenges + "Token_-1 HTTP/1.0\r\n\r\n");
    const Response head = client.read_response("HEAD");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.get("Content-Length"), "19");
  }
  EXPECT_EQ(requests_of_nodes(), 0U);
  EXPECT_EQ(bonedry_->status().at("ledger").at("sessions"), 0);
}

TEST_P(RedirectStory, WhatIsNoChallengeIsNotFoundAndReachesNoNode) {
  challenges_.write("short", "content");
  challenges_.write("long", std::string(4097, 'x'));
  challenges_.write("with.dot", "secret");
  TemporaryDirectory elsewhere;
  std::filesystem::create_symlink(elsewhere.write("target", "secret"), challenges_ / "link");
  std::filesystem::create_directory(challenges_ / "folder");
  ASSERT_EQ(::mkfifo((challenges_ / "fifo").c_str(), 0600), 0);
  launch_with({"pool = \"shop\"", directory(challenges_)});
  HttpClient client{door()};
  for (const std::string& token :
       {std::string("missing"), std::string("long"), std::string("with.dot"), std::string("link"),
        std::string("folder"), std::string("fifo"), std::string(), std::string("short/"),
        std::string("short?x"), std::string("../short"), std::string("..%2fshort"),
        std::string("%73hort"), std::string(129, 'a')}) {
    const Response response = client.get(kChallenges + token);
    EXPECT_EQ(response.status, 404) << token;
    EXPECT_THAT(response.body, HasSubstr("no such ACME challenge"));
  }
  EXPECT_EQ(client.exchange({.method = "POST", .target = kChallenges + "short"}).status, 404);
  EXPECT_EQ(requests_of_nodes(), 0U);
  EXPECT_EQ(client.get("/.well-known/acme-challenge").status, 200) << "has no token: a node's";
  EXPECT_EQ(client.get("/elsewhere" + kChallenges + "short").status, 200);
  EXPECT_EQ(requests_of_nodes(), 2U);
}

TEST_P(RedirectStory, AReloadMovesTheChallengesButNotTheRedirect) {
  TemporaryDirectory other;
  other.write("token", "new");
  launch_with({"redirect = \"https\"", directory(challenges_)});
  HttpClient client{door()};
  EXPECT_EQ(client.get(kChallenges + "token").status, 404);
  TestConfig moved = config();
  add_listener(moved, {"redirect = \"https\"", directory(other)});
  bonedry_->configure(moved);
  order("reload");
  EXPECT_EQ(client.get(kChallenges + "token").body, "new");
  TestConfig to_pool = config();
  add_listener(to_pool, {"pool = \"shop\""});
  bonedry_->configure(to_pool);
  EXPECT_THAT(bonedry_->admin("reload"), HasSubstr("a change of [[listener]] takes a restart"));
  EXPECT_EQ(client.get("/").status, 308);
}

TEST_P(RedirectStory, ItGoesOnOverAnUpgrade) {
  challenges_.write("token", "content");
  launch_with({"redirect = \"https\"", directory(challenges_)});
  const std::string address = door();
  HttpClient before{address};
  EXPECT_EQ(before.get("/").status, 308);
  bonedry_->upgrade();
  EXPECT_TRUE(bonedry_->predecessor_drains());
  EXPECT_EQ(before.get("/").status, 308) << "on the connection to the old process";
  HttpClient after{address};
  EXPECT_EQ(after.get("/").status, 308);
  EXPECT_EQ(after.get(kChallenges + "token").body, "content");
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
}

}  // namespace
}  // namespace bonedry::test
