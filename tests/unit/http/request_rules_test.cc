#include "proxy/http/rules.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

using test::ParsedRequest;

/// A request with these lines after its Host.
std::string with(const std::string& lines) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string verdict_on(const std::string& text) {
  return ParsedRequest(text).verdict();
}
std::string get(const std::string& target, const std::string& host = "a") {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

/// Expects that the parser or the rules reject the request.
void expect_refused(const std::string& text, int status = 400) {
  const std::string verdict = verdict_on(text);
  EXPECT_EQ(verdict.substr(0, 3), std::to_string(status)) << text << "-> '" << verdict << "'";
}

TEST(RequestRulesTest, AnOrdinaryRequestPasses) {
  const ParsedRequest request(get("/cart?id=1"));
  const RequestFacts facts = request.facts();
  EXPECT_EQ(facts.host, "a");
  EXPECT_EQ(facts.path, "/cart?id=1");
  EXPECT_EQ(facts.target_form, TargetForm::origin);
  EXPECT_EQ(facts.framing.kind, FramingKind::none);
  EXPECT_EQ(facts.persistence, Persistence::keep_alive);
  EXPECT_TRUE(facts.idempotent);
  EXPECT_FALSE(facts.is_head);
  EXPECT_FALSE(facts.expects_continue);
}

// -- Method ---------------------------------------------------------------------------------------

TEST(RequestRulesTest, TunnelsAndEchoesAreNotServed) {
  EXPECT_EQ(verdict_on("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
            "405 CONNECT is not served here");
  EXPECT_EQ(verdict_on("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), "405 TRACE is not served here");
}

TEST(RequestRulesTest, MethodsThatMayBeSentTwiceAreKnown) {
  const auto idempotent = [](const std::string& method) {
    return ParsedRequest(method + " / HTTP/1.1\r\nHost: a\r\n\r\n").facts().idempotent;
  };
  for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
    EXPECT_TRUE(idempotent(method)) << method;
  }
  for (const char* method : {"POST", "PATCH", "PURGE", "LOCK"}) {
    EXPECT_FALSE(idempotent(method)) << method;
  }
}

TEST(RequestRulesTest, HeadIsKnownBecauseItsAnswerHasNoBody) {
  EXPECT_TRUE(ParsedRequest("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").facts().is_head);
}

// -- Host -----------------------------------------------------------------------------------------

TEST(RequestRulesTest, ThereIsExactlyOneHost) {
  EXPECT_EQ(verdict_on("GET / HTTP/1.1\r\n\r\n"), "400 no Host");
  EXPECT_EQ(verdict_on("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "400 more than one Host");
  EXPECT_EQ(verdict_on("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"), "400 more than one Host");
  EXPECT_EQ(verdict_on("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), "400 more than one Host");
}

TEST(RequestRulesTest, InHttp10ThereMayBeNone) {
  EXPECT_EQ(ParsedRequest("GET / HTTP/1.0\r\n\r\n").facts().host, "");
}

TEST(RequestRulesTest, GoodHostsPass) {
  for (const char* host : {"a", "shop.example", "shop.example:8080", "a:0", "a:65535",
                           "a:", "127.0.0.1:80", "[::1]", "[::1]:8080", "[2001:db8::1]",
                           "[::1]:", "under_score", "xn--bcher-kva.example", "a.", "A%20b"}) {
    const ParsedRequest request(get("/", host));
    EXPECT_EQ(request.verdict(), "") << host;
    EXPECT_EQ(request.facts().host, host);
  }
}

TEST(RequestRulesTest, MalformedHostsAreRefused) {
  for (const char* host :
       {"",         "user@a",       "user:secret@a", "a:x",    "a:65536",  "a:99999",
        "a:123456", "a:80:80",      "a:-1",          "a:+1",   "a: 80",    ":80",
        "a b",      "a/b",          "a?b",           "a#b",    "http://a", "[::1",
        "::1]",     "[]",           "[zz]",          "[::1]x", "[::1]:x",  "[a:b",
        "a[::1]",   "[::1%25eth0]", "a\"b",          "a<b>",   "a\\b",     "{a}",
        "a|b"}) {
    EXPECT_EQ(verdict_on(get("/", host)), "400 a malformed Host") << host;
  }
}

TEST(RequestRulesTest, HostsWithBytesBeyondAsciiAreRefused) {
  expect_refused(get("/",
                     "b\xc3\xbc"
                     "cher.example"));
}

// -- Target ---------------------------------------------------------------------------------------

TEST(RequestRulesTest, AnAbsoluteTargetIsTakenApart) {
  const ParsedRequest request(get("http://a:80/x?y=z", "a:80"));
  EXPECT_EQ(request.facts().target_form, TargetForm::absolute);
  EXPECT_EQ(request.facts().path, "/x?y=z");
  EXPECT_EQ(request.facts().host, "a:80");
}

TEST(RequestRulesTest, AnAbsoluteTargetWithoutPathMeansTheRoot) {
  EXPECT_EQ(ParsedRequest(get("http://a")).facts().path, "/");
  EXPECT_EQ(ParsedRequest(get("HTTPS://A/x")).facts().path, "/x");
}

TEST(RequestRulesTest, TheHostOfAnAbsoluteTargetStandsInForAMissingOne) {
  EXPECT_EQ(ParsedRequest("GET http://a/ HTTP/1.0\r\n\r\n").facts().host, "a");
}

TEST(RequestRulesTest, AnAbsoluteTargetAgreesWithHost) {
  EXPECT_EQ(verdict_on(get("http://b/")), "400 a target and a Host that disagree");
  EXPECT_EQ(verdict_on(get("http://a:81/", "a:80")), "400 a target and a Host that disagree");
  EXPECT_EQ(verdict_on(get("http://a.b/")), "400 a target and a Host that disagree");
  EXPECT_EQ(verdict_on(get("http://SHOP.example/", "shop.EXAMPLE")), "");
}

TEST(RequestRulesTest, MalformedTargetsAreRefused) {
  for (const char* target :
       {"x", "x/y", "http://", "http:///x", "http://user@a/", "http://a:x/", "http://a?x",
        "http://[::1/", "ftp://a/", "http:a/", "/x#fragment", "?x", "a:80", "**",
        "/b\xc3\xbc"
        "cher",
        "*/x", "//"}) {
    if (std::string_view(target) == "//") continue;  // unusual, but a path
    expect_refused(get(target));
  }
}

TEST(RequestRulesTest, OddPathsPassAsTheyAre) {
  for (const char* target :
       {"//", "/..", "/%2e%2e/", "/%00", "/?", "/a?b?c", "/\"<>|\\^`{}", "/http://b/", "/a:80"}) {
    const ParsedRequest request(get(target));
    EXPECT_EQ(request.verdict(), "") << target;
    EXPECT_EQ(request.facts().path, target);
  }
}

TEST(RequestRulesTest, TheAsteriskIsForOptionsAlone) {
  const ParsedRequest request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(request.facts().target_form, TargetForm::asterisk);
  EXPECT_EQ(request.facts().path, "*");
  EXPECT_EQ(verdict_on(get("*")), "400 a target that is only allowed for OPTIONS");
}

TEST(RequestRulesTest, OptionsOfAWholeServerStaysThatThroughAnAbsoluteTarget) {
  // RFC 9112, 3.2.4: the last proxy sends "*" for it.
  const ParsedRequest request("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(request.facts().path, "*");
  const ParsedRequest rooted("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(rooted.facts().path, "/");
}

// -- Version --------------------------------------------------------------------------------------

TEST(RequestRulesTest, OtherVersionsAreRefused) {
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0"}) {
    expect_refused("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n", 505);
  }
}

TEST(RequestRulesTest, ARequestWithoutAVersionIsRefused) {
  const std::string verdict = verdict_on("GET /\r\n\r\n");
  EXPECT_TRUE(verdict.starts_with("400") || verdict.starts_with("505")) << verdict;
}

// -- Framing --------------------------------------------------------------------------------------

TEST(RequestRulesTest, ALengthFramesTheBody) {
  const Framing framing = ParsedRequest(with("Content-Length: 17\r\n")).facts().framing;
  EXPECT_EQ(framing.kind, FramingKind::length);
  EXPECT_EQ(framing.length, 17U);
  EXPECT_EQ(ParsedRequest(with("Content-Length: 0\r\n")).facts().framing.kind, FramingKind::none);
  EXPECT_EQ(ParsedRequest(with("Content-Length: 9223372036854775807\r\n")).facts().framing.length,
            9223372036854775807U);
}

TEST(RequestRulesTest, ChunksFrameTheBody) {
  for (const char* coding : {"chunked", "Chunked", "  chunked  "}) {
    EXPECT_EQ(ParsedRequest(with("Transfer-Encoding: " + std::string(coding) + "\r\n"))
                  .facts()
                  .framing.kind,
              FramingKind::chunked)
        << coding;
  }
}

TEST(RequestRulesTest, FramingThatTwoCouldReadDifferentlyIsRefused) {
  for (const char* lines : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                            "Content-Length: 5\r\nContent-Length: 5\r\n",
                            "Content-Length: 5\r\nContent-Length: 6\r\n",
                            "Content-Length: 5, 5\r\n",
                            "Content-Length: 5,6\r\n",
                            "Content-Length: +5\r\n",
                            "Content-Length: -5\r\n",
                            "Content-Length: 0x5\r\n",
                            "Content-Length: 5 5\r\n",
                            "Content-Length: 5x\r\n",
                            "Content-Length: x\r\n",
                            "Content-Length:\r\n",
                            "Content-Length: \r\n",
                            "Content-Length: 5.0\r\n",
                            "Content-Length: \"5\"\r\n",
                            "Content-Length: 9223372036854775808\r\n",
                            "Content-Length: 18446744073709551616\r\n",
                            "Content-Length: 99999999999999999999999\r\n",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: gzip, chunked\r\n",
                            "Transfer-Encoding: chunked, chunked\r\n",
                            "Transfer-Encoding: chunked, identity\r\n",
                            "Transfer-Encoding: identity\r\n",
                            "Transfer-Encoding: gzip\r\n",
                            "Transfer-Encoding: xchunked\r\n",
                            "Transfer-Encoding: chunkedx\r\n",
                            "Transfer-Encoding: chunked;q=1\r\n",
                            "Transfer-Encoding: \"chunked\"\r\n",
                            "Transfer-Encoding: chunked,\r\n",
                            "Transfer-Encoding: ,chunked\r\n",
                            "Transfer-Encoding:\r\n",
                            "Transfer-Encoding: \r\n"}) {
    expect_refused(with(lines));
  }
}

TEST(RequestRulesTest, ChunksAreNotOfHttp10) {
  expect_refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(RequestRulesTest, LengthsAreDigitsUpToTheLargestSignedNumber) {
  EXPECT_EQ(parse_length("0"), 0U);
  EXPECT_EQ(parse_length("007"), 7U);
  EXPECT_EQ(parse_length("9223372036854775807"), 9223372036854775807U);
  for (const char* text :
       {"", " ", "-1", "+1", "1 ", " 1", "1,1", "0x1", "1e3", "1.0", "a", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "100000000000000000000000"}) {
    EXPECT_EQ(parse_length(text), std::nullopt) << text;
  }
}

// -- Connection and Expect ------------------------------------------------------------------------

TEST(RequestRulesTest, WhetherTheConnectionStaysDependsOnVersionAndConnection) {
  const auto stays = [](const std::string& version, const std::string& lines) {
    const ParsedRequest request("GET / HTTP/" + version + "\r\nHost: a\r\n" + lines + "\r\n");
    return request.facts().persistence == Persistence::keep_alive;
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_TRUE(stays("1.1", "Connection: x\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: x, CLOSE\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: keep-alive, close\r\n"));
  EXPECT_TRUE(stays("1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(stays("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(RequestRulesTest, OnlyOneExpectationIsUnderstood) {
  EXPECT_TRUE(ParsedRequest(with("Expect: 100-continue\r\n")).facts().expects_continue);
  EXPECT_TRUE(ParsedRequest(with("Expect: 100-Continue\r\n")).facts().expects_continue);
  EXPECT_EQ(verdict_on(with("Expect: a miracle\r\n")),
            "417 an expectation other than 100-continue");
}

TEST(RequestRulesTest, Http10CannotExpectAContinue) {
  const ParsedRequest request("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(request.facts().expects_continue);
}

TEST(RequestRulesTest, EveryExpectationIsLookedAt) {
  EXPECT_EQ(verdict_on(with("Expect: 100-continue\r\nExpect: a miracle\r\n")).substr(0, 3), "417");
  EXPECT_EQ(verdict_on(with("Expect: 100-continue, x\r\n")).substr(0, 3), "417");
  EXPECT_EQ(verdict_on(with("Expect: x, 100-continue\r\n")).substr(0, 3), "417");
}

TEST(RequestRulesTest, AnEmptyListExpectsNothing) {
  for (const char* field : {"Expect:\r\n", "Expect: \t\r\n", "Expect: ,\r\n"}) {
    EXPECT_FALSE(ParsedRequest(with(field)).facts().expects_continue) << field;
  }
  for (const char* field :
       {"Expect: 100-continue,\r\n", "Expect: ,100-continue\r\n",
        "Expect: 100-continue, 100-continue\r\n", "Expect:\r\nExpect: 100-continue\r\n"}) {
    EXPECT_TRUE(ParsedRequest(with(field)).facts().expects_continue) << field;
  }
}

// -- Max-Forwards ---------------------------------------------------------------------------------

TEST(RequestRulesTest, OptionsGoOnlyAsFarAsMaxForwardsLetsThem) {
  const auto options = [](const std::string& hops) {
    return "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: " + hops + "\r\n\r\n";
  };
  EXPECT_EQ(ParsedRequest(options("7")).facts().max_forwards, 7U);
  EXPECT_EQ(verdict_on(options("0")).substr(0, 3), "200");
  for (const char* hops : {"", "-1", "x", "99999999999999999999", "1\r\nMax-Forwards: 1"}) {
    EXPECT_EQ(verdict_on(options(hops)), "400 a malformed Max-Forwards") << hops;
  }
  EXPECT_EQ(verdict_on(with("Max-Forwards: 0\r\n")), "") << "of no meaning to POST";
}

// -- Names with underscores -----------------------------------------------------------------------

TEST(RequestRulesTest, NamesThatCgiTakesForOthersAreDroppedOrPassedOrRefused) {
  const std::string text = with("X_User: root\r\nX-Plain: 1\r\nX.User: root\r\n");
  const ParsedRequest dropped(text);
  ASSERT_EQ(dropped.verdict(), "");
  EXPECT_EQ(dropped.head.fields.size(), 2U);
  const ParsedRequest passed(text, {32768, 100, UnderscoreNames::pass});
  ASSERT_EQ(passed.verdict(), "");
  EXPECT_EQ(passed.head.fields.size(), 4U);
  const ParsedRequest refused(text, {32768, 100, UnderscoreNames::refuse});
  EXPECT_EQ(refused.verdict().substr(0, 3), "400");
}

TEST(RequestRulesTest, PassedNamesThatCgiTakesForClaimsOfAClientAreSuch) {
  for (const char* name : {"X_Forwarded_For", "x_forwarded-for", "X.Real.IP", "Client_Cert",
                           "X_FORWARDED_A_NAME_THAT_IS_LONGER_THAN_ANY_OF_THE_TABLE",
                           "X-Forwarded_User", "X_Original-URL", "X-Forwarded-User_Name"}) {
    const ParsedRequest request(with(std::string(name) + ": evil\r\n"),
                                {32768, 100, UnderscoreNames::pass});
    ASSERT_EQ(request.verdict(), "") << name;
    EXPECT_NE(request.head.find(FieldName::client_info_field), nullptr) << name;
  }
  const ParsedRequest others(with("X_User: a\r\nHost_: b\r\nX_Forward: c\r\n"),
                             {32768, 100, UnderscoreNames::pass});
  EXPECT_EQ(others.head.find(FieldName::client_info_field), nullptr);
}

TEST(RequestRulesTest, DroppedFieldsCountAsFields) {
  EXPECT_EQ(ParsedRequest(with("X_A: 1\r\nX_B: 2\r\n"), {32768, 2}).verdict().substr(0, 3), "431");
  EXPECT_EQ(ParsedRequest(with("X_A: 1\r\nX_B: 2\r\n"), {32768, 3}).verdict(), "");
}

}  // namespace
}  // namespace bonedry::http
