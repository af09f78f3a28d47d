// What the pass of a request leads to, and what is left of the request without it.
#include "proxy/pass_gate.h"

#include "proxy/own_cookies.h"
#include "session/affinity.h"
#include "session/pass.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bonedry::proxy {
namespace {

using namespace std::chrono_literals;
using http::test::ParsedRequest;

constexpr WallTime kWall{1'700'000'000'000};
const std::vector<std::string> kGateSecrets{"a secret of at least thirty-two characters"};

balancer::PoolView shop() {
  balancer::PoolView pool;
  pool.config.name = "shop";
  return pool;
}

class PassGateTest : public testing::Test {
 protected:
  PassGateTest() {
    pool.nodes.emplace_back().node = std::make_shared<balancer::Node>("shop", "alice", counts);
  }

  /// What follows from the head of a request: "user", "to alice", or the status and text of the
  /// answer, with its Location and Set-Cookie.
  std::string decide(std::string_view head) {
    const ParsedRequest request(std::string(head) + "\r\nHost: shop.example\r\n\r\n");
    EXPECT_EQ(request.verdict(), "") << head;
    const PassInRequest found = gate.find(request.head, request.facts());
    if (found.place == PassInRequest::Place::none) return "user";
    const PassDecision made = gate.decide(found, request.head, request.facts(), channel, kWall);
    if (const auto* const pass = std::get_if<session::ValidPass>(&made)) {
      return "to " + pass->node->name();
    }
    const auto& answer = std::get<PassAnswer>(made);
    EXPECT_EQ(answer.refusal.has_value(), answer.response.status >= 400);
    std::string text = std::to_string(answer.response.status) + " ";
    text += answer.response.text;
    if (!answer.response.location.empty()) text += " | " + answer.response.location;
    if (!answer.response.set_cookie.empty()) text += " | " + answer.response.set_cookie;
    return text;
  }
  std::string get(const std::string& target, const std::string& fields = "") {
    return decide("GET " + target + " HTTP/1.1" + fields);
  }

  balancer::SessionCounts counts;
  balancer::PoolView pool = shop();
  PassGate gate{pool, kGateSecrets};
  PassGate::Channel channel = PassGate::Channel::plain;
  session::PassSealer sealer{kGateSecrets, "shop"};
  const std::string good = sealer.seal("alice", kWall, 15min);
  const std::string old = sealer.seal("alice", kWall - 1h, 15min);
  const std::string field = "\r\nBonedry-Pass: ";
  const std::string cookie = "\r\nCookie: bonedry-pass-shop=";
  const std::string set =
      "bonedry-pass-shop=" + good + "; Path=/; Max-Age=900; HttpOnly; SameSite=Lax";
  const std::string cleared = "bonedry-pass-shop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
};

TEST_F(PassGateTest, WhoHasNoneIsAUser) {
  for (const char* target : {"/", "/?a=b", "/?bonedry-passport=1", "/?xbonedry-pass=1",
                             "/bonedry-pass=1", "/?a=bonedry-pass", "/?", "/?&&"}) {
    EXPECT_EQ(get(target), "user") << target;
  }
  EXPECT_EQ(get("/", "\r\nCookie: bonedry=1; bonedry-pass-blog=2; bonedry-pass=3"), "user");
  EXPECT_EQ(get("/", "\r\nBonedry-Passport: 1"), "user");
  EXPECT_EQ(decide("OPTIONS * HTTP/1.1"), "user");
}

TEST_F(PassGateTest, AUrlMovesThePassIntoACookieAndOutOfTheUrl) {
  EXPECT_EQ(get("/a?bonedry-pass=" + good),
            "302 the pass is in a cookie from now on | /a | " + set);
  EXPECT_EQ(decide("HEAD /a?bonedry-pass=" + good + " HTTP/1.1"),
            "302 the pass is in a cookie from now on | /a | " + set);
  EXPECT_EQ(get("http://shop.example/a?b=c&bonedry-pass=" + good),
            "302 the pass is in a cookie from now on | /a?b=c | " + set);
}

TEST_F(PassGateTest, TheCookieIsSecureWhereTheSessionCookieIs) {
  channel = PassGate::Channel::tls;
  EXPECT_EQ(get("/?bonedry-pass=" + good),
            "302 the pass is in a cookie from now on | / | " + set + "; Secure");
  pool.config.session.attributes.secure = conf::Secure::never;
  EXPECT_EQ(get("/?bonedry-pass=" + good), "302 the pass is in a cookie from now on | / | " + set);
  pool.config.session.attributes.secure = conf::Secure::always;
  channel = PassGate::Channel::plain;
  EXPECT_EQ(get("/?bonedry-pass=off"), "302 the pass has ended | / | " + cleared + "; Secure");
}

TEST_F(PassGateTest, AUrlEndsThePass) {
  EXPECT_EQ(get("/a?bonedry-pass=off&b", cookie + good),
            "302 the pass has ended | /a?b | " + cleared);
}

TEST_F(PassGateTest, RequestsThatCannotBeRedirectedNeedTheField) {
  const std::string answer =
      "400 a pass in the URL is for GET and HEAD; other requests need the field Bonedry-Pass";
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    EXPECT_EQ(decide(method + (" /?bonedry-pass=" + good) + " HTTP/1.1"), answer);
  }
  EXPECT_EQ(get("/?bonedry-pass=" + good, "\r\nConnection: Upgrade\r\nUpgrade: websocket"), answer);
  EXPECT_EQ(get("/?bonedry-pass=" + good, "\r\nContent-Length: 1"), answer);
}

TEST_F(PassGateTest, AFieldOrACookieLeadsToTheNode) {
  EXPECT_EQ(get("/?a=b", field + good), "to alice");
  EXPECT_EQ(decide("POST / HTTP/1.1\r\nContent-Length: 5" + field + good), "to alice");
  EXPECT_EQ(get("/", cookie + good), "to alice");
  EXPECT_EQ(get("/", "\r\nCookie: a=b; bonedry-pass-shop=\"" + good + "\"; c=d"), "to alice");
}

TEST_F(PassGateTest, ABadOneIsRefusedAndABrowserForgetsIt) {
  const std::string unknown =
      "403 the pass is not valid here: damaged, of another pool, or of another secret";
  for (const auto& [token, text] : std::vector<std::pair<std::string, std::string>>{
           {old, "403 the pass has expired"},
           {sealer.seal("bob", kWall, 15min),
            "403 the pass is for a node that is no longer in the pool"},
           {"", unknown},
           {"nonsense", unknown},
           {session::PassSealer(kGateSecrets, "blog").seal("alice", kWall, 15min), unknown}}) {
    EXPECT_EQ(get("/?bonedry-pass=" + token), text);
    EXPECT_EQ(get("/", field + token), text);
    EXPECT_EQ(get("/", cookie + token), text + " | " + cleared);
  }
  EXPECT_EQ(get("/?bonedry-pass"), unknown);
  pool.nodes[0].passes_revoked = kWall;
  EXPECT_EQ(get("/", field + good), "403 the pass was revoked");
}

TEST_F(PassGateTest, SeveralPassesAreNoneExceptAmongCookies) {
  const std::string several = "403 the request has more than one pass";
  EXPECT_EQ(get("/?bonedry-pass=" + good + "&bonedry-pass=" + good), several);
  EXPECT_EQ(get("/", field + good + field + good), several);
  EXPECT_EQ(get("/", cookie + "planted; bonedry-pass-shop=" + good), "to alice");
  EXPECT_EQ(get("/", cookie + "planted" + cookie + good), "to alice");
  EXPECT_EQ(get("/", cookie + old + "; bonedry-pass-shop=planted"),
            "403 the pass has expired | " + cleared);
}

TEST_F(PassGateTest, OnlySoManyCookiesAreVerified) {
  std::string planted;
  for (std::size_t i = 0; i < session::CryptoBudget::kMaxVerifications; ++i) {
    planted += "bonedry-pass-shop=x; ";
  }
  EXPECT_TRUE(get("/", "\r\nCookie: " + planted.substr(21) + "bonedry-pass-shop=" + good)
                  .starts_with("to alice"));
  EXPECT_TRUE(get("/", "\r\nCookie: " + planted + "bonedry-pass-shop=" + good).starts_with("403"));
}

TEST_F(PassGateTest, TheUrlCountsMoreThanAFieldAndAFieldMoreThanACookie) {
  EXPECT_EQ(get("/?bonedry-pass=" + old, field + good + cookie + good), "403 the pass has expired");
  EXPECT_EQ(get("/", field + old + cookie + good), "403 the pass has expired");
  EXPECT_EQ(get("/", field + good + cookie + old), "to alice");
}

TEST(PassInRequestTest, TheRestOfAUrlStaysAsItIs) {
  for (const auto& [target, rest] : std::vector<std::pair<std::string, std::string>>{
           {"/?bonedry-pass=x", "/"},
           {"/?bonedry-pass", "/"},
           {"/a/b?c=d&bonedry-pass=x&e=%20f&c=g", "/a/b?c=d&e=%20f&c=g"},
           {"/?bonedry-pass=x&a", "/?a"},
           {"/?a&bonedry-pass=x", "/?a"},
           {"/?a&bonedry-pass=x&bonedry-pass=y&", "/?a&"},
           {"/?a?bonedry-pass=x", "/?a?bonedry-pass=x"},
           {"/?&&bonedry-pass=x", "/?&"},
           {"/bonedry-pass=x", "/bonedry-pass=x"},
           {"/?bonedry-passport=x", "/?bonedry-passport=x"},
           {"/?", "/?"},
           {"/", "/"},
           {"http://a/?bonedry-pass=x&b", "http://a/?b"}}) {
    EXPECT_EQ(without_pass(target), rest) << target;
    EXPECT_EQ(has_pass_parameter(target), target != rest) << target;
  }
}

TEST(PassInRequestTest, ARedirectStaysOnTheHost) {
  for (const auto& [path, location] : std::vector<std::pair<std::string, std::string>>{
           {"//evil.example/?bonedry-pass=x", "/.//evil.example/"},
           {"///evil.example?bonedry-pass=x", "/.///evil.example"},
           {"/\\evil.example?bonedry-pass=x", "/./\\evil.example"},
           {"/?bonedry-pass=x", "/"},
           {"/a//b?bonedry-pass=x", "/a//b"}}) {
    EXPECT_EQ(location_without_pass(path), location);
  }
}

TEST(OwnCookiesTest, TheFirstOfAnyNameIsFoundFirst) {
  const OwnCookies own({"seat", "bonedry-pass-shop"});
  for (const char* value : {"a=b; seat=1; c=d", "a=b; bonedry-pass-shop=1; c=d"}) {
    const auto kept = own.filter(value);
    EXPECT_TRUE(kept.changed);
    EXPECT_EQ(std::string(kept.before) + std::string(kept.after), "a=b; c=d");
  }
  for (const char* value :
       {"a=b; seat=1; bonedry-pass-shop=2", "a=b; bonedry-pass-shop=2; seat=1"}) {
    const auto kept = own.filter(value);
    EXPECT_EQ(kept.before, "a=b; ");
    EXPECT_NE(kept.after, "");
  }
  EXPECT_FALSE(own.filter("a=b; c=d").changed);
}

}  // namespace
}  // namespace bonedry::proxy
