#include "proxy/http/head_writer.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

using test::has_line;
using test::ParsedRequest;
using test::text_of;

/// Removes our cookie from each field and keeps the rest.
class ListedCookies final : public CookieFilter {
 public:
  [[nodiscard]] Kept filter(std::string_view value) const override {
    const std::size_t at = value.find("ours=1");
    if (at == std::string_view::npos) return {};
    std::string_view after = value.substr(at + 6);
    if (after.starts_with("; ")) after.remove_prefix(2);
    std::string_view before = value.substr(0, at);
    if (after.empty() && before.ends_with("; ")) before.remove_suffix(2);
    return {before, after, true};
  }
};

constexpr ClientInfo kClient{"192.0.2.7", "http"};
constexpr ClientInfo kTrusted{"192.0.2.7", "http", Trust::forwarded};

/// The request as it is sent to a node.
std::string written(const ParsedRequest& request, const CookieFilter* cookies = nullptr,
                    const ClientInfo& client = kClient,
                    ForwardedFields forwarded = ForwardedFields::x_forwarded) {
  BlockPool pool;
  SliceQueue queue;
  write_request_head(request.head, request.facts(), client, {cookies, forwarded}, {queue, pool});
  return text_of(queue);
}
std::string written(std::string_view text, const CookieFilter* cookies = nullptr) {
  return written(ParsedRequest(text), cookies);
}

/// The same for a request from a trusted proxy.
std::string written_for_proxy(std::string_view text) {
  return written(ParsedRequest(text), nullptr, kTrusted);
}

/// The same for a pool whose nodes learn the client's address from these fields.
std::string written_in(ForwardedFields forwarded, std::string_view text, Trust trust = Trust::none,
                       std::string_view address = "192.0.2.7") {
  return written(ParsedRequest(text), nullptr, {address, "http", trust}, forwarded);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find("\r\n"));
}

TEST(RequestWriterTest, ACanonicalRequestGoesOnAsItIsWithWhatAProxyAdds) {
  EXPECT_EQ(written("GET /x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"),
            "GET /x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 bonedry\r\n"
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
}

TEST(RequestWriterTest, ANodeSeesNoPass) {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nHost: a\r\nBonedry-Pass: token\r\nbonedry-PASS: more\r\n"
      "Bonedry-Passport: x\r\n\r\n");
  EXPECT_EQ(written(request).find("token"), std::string::npos);
  EXPECT_EQ(written(request).find("more"), std::string::npos);
  EXPECT_TRUE(has_line(written(request), "Bonedry-Passport: x"));
  EXPECT_EQ(written(request, nullptr, kTrusted).find("token"), std::string::npos);
}

TEST(RequestWriterTest, TheCertificateOfAClientReplacesWhatItOrAProxyClaims) {
  constexpr std::string_view kForged =
      "GET /x HTTP/1.1\r\nHost: a\r\nClient-Cert: :forged:\r\ncLIENT-cERT-cHAIN: :forged:\r\n"
      "X-Client-Cert: other\r\n\r\n";
  for (const Trust trust : {Trust::none, Trust::forwarded}) {
    const ClientInfo client{"192.0.2.7", "https", trust, "Client-Cert: :shown:\r\n"};
    const std::string text = written(ParsedRequest(kForged), nullptr, client);
    EXPECT_TRUE(has_line(text, "Client-Cert: :shown:")) << text;
    EXPECT_EQ(text.find("forged"), std::string::npos) << text;
    EXPECT_EQ(has_line(text, "X-Client-Cert: other"), trust == Trust::forwarded) << text;
  }
  const std::string without = written_for_proxy(kForged);
  EXPECT_TRUE(has_line(without, "Client-Cert: :forged:")) << "a trusted proxy may tell of one";
  EXPECT_EQ(written(kForged).find("forged"), std::string::npos);
}

TEST(RequestWriterTest, ACertificateReplacesOtherSpellingsThatApplicationsTakeForIt) {
  const HeadLimits pass{4096, 100, UnderscoreNames::pass};
  const ParsedRequest request(
      "GET /x HTTP/1.1\r\nHost: a\r\nClient_Cert: :forged:\r\nclient.cert-chain: :forged:\r\n\r\n",
      pass);
  const ClientInfo client{"192.0.2.7", "https", Trust::forwarded, "Client-Cert: :shown:\r\n"};
  EXPECT_EQ(written(request, nullptr, client).find("forged"), std::string::npos);
}

TEST(RequestWriterTest, TheIdOfARequestReplacesTheReceivedOnes) {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: theirs\r\nx-request-id: twice\r\n\r\n");
  BlockPool pool;
  SliceQueue queue;
  RequestEdits edits;
  edits.request_id = "ours";
  write_request_head(request.head, request.facts(), kTrusted, edits, {queue, pool});
  EXPECT_TRUE(has_line(text_of(queue), "X-Request-Id: ours"));
  EXPECT_EQ(text_of(queue).find("theirs"), std::string::npos);
  EXPECT_EQ(text_of(queue).find("twice"), std::string::npos);
}

TEST(RequestWriterTest, WithoutAnIdOfOursTheReceivedOneGoesOn) {
  EXPECT_TRUE(has_line(written("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: theirs\r\n\r\n"),
                       "X-Request-Id: theirs"));
}

TEST(RequestWriterTest, SpellingsThatApplicationsTakeForTheIdAreReplacedAsWell) {
  const ParsedRequest request("GET / HTTP/1.1\r\nHost: a\r\nX_Request_ID: theirs\r\n\r\n",
                              {4096, 100, UnderscoreNames::pass});
  BlockPool pool;
  SliceQueue queue;
  RequestEdits edits;
  edits.request_id = "ours";
  write_request_head(request.head, request.facts(), kClient, edits, {queue, pool});
  EXPECT_EQ(text_of(queue).find("theirs"), std::string::npos);
}

TEST(RequestWriterTest, TheTraceOfARequestGoesOnUntouched) {
  const std::string traceparent =
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const std::string text = written("GET / HTTP/1.1\r\nHost: a\r\n" + traceparent +
                                   "\r\ntracestate: rojo=00f067aa0ba902b7\r\n\r\n");
  EXPECT_TRUE(has_line(text, traceparent));
  EXPECT_TRUE(has_line(text, "tracestate: rojo=00f067aa0ba902b7"));
}

TEST(RequestWriterTest, ALongRunOfCanonicalLinesIsTheOriginalBytes) {
  const std::string filling(SliceQueue::kCopied, 'f');
  const ParsedRequest request("GET /x HTTP/1.1\r\nHost: a\r\nA: " + filling + "\r\n\r\n");
  BlockPool pool;
  SliceQueue queue;
  write_request_head(request.head, request.facts(), kClient, {}, {queue, pool});
  std::array<iovec, 16> vectors{};
  const std::size_t count = queue.gather(vectors);
  EXPECT_EQ(count, 2U) << "what came, and what is added";
  EXPECT_EQ(vectors[0].iov_base, request.head.base);
  EXPECT_EQ(vectors[0].iov_len, request.head.size - 2U) << "all but the empty line";
}

TEST(RequestWriterTest, AShortHeadIsOnePiece) {
  const ParsedRequest request("GET /x HTTP/1.1\r\nHost: a\r\nodd:b\r\nAccept: */*\r\n\r\n");
  BlockPool pool;
  SliceQueue queue;
  write_request_head(request.head, request.facts(), kClient, {}, {queue, pool});
  std::array<iovec, 16> vectors{};
  EXPECT_EQ(queue.gather(vectors), 1U);
}

TEST(RequestWriterTest, AValueLongerThanAChunkGoesOnWhole) {
  const std::string value(3 * BlockPool::kBlockSize, 'v');
  const ParsedRequest request("GET /x HTTP/1.1\r\nHost: a\r\nodd:" + value + "\r\nB: c\r\n\r\n",
                              {1024 * 1024, 100});
  BlockPool pool;
  SliceQueue queue;
  write_request_head(request.head, request.facts(), kClient, {}, {queue, pool});
  EXPECT_TRUE(text_of(queue).find("\r\nodd: " + value + "\r\nB: c\r\n") != std::string::npos);
}

TEST(RequestWriterTest, WhatIsNotCanonicalIsWrittenAnew) {
  const std::string text = written(
      "GET /x HTTP/1.1\r\nhost:a\r\nPadded:   x   \r\nTab:\tx\r\nEmpty:\r\nBlank: \r\nGood: x\r\n"
      "\r\n");
  for (const char* line : {"host: a", "Padded: x", "Tab: x", "Empty: ", "Blank: ", "Good: x"}) {
    EXPECT_TRUE(has_line(text, line)) << line << " in " << text;
  }
}

TEST(RequestWriterTest, OddRequestLinesBecomeOrdinaryOnes) {
  // Whatever the parser accepts must not reach a node in a form that the node could misread.
  for (const char* line :
       {"GET /x HTTP/1.1", "GET  /x HTTP/1.1", "GET   /x HTTP/1.1", "GET /x  HTTP/1.1",
        "GET /x    HTTP/1.1", "GET  /x  HTTP/1.1", "\r\nGET /x HTTP/1.1", "\r\n\r\nGET /x HTTP/1.1",
        "GET /x HTTP/1.0", "GET  /x  HTTP/1.0", "GET http://a/x HTTP/1.1",
        "GET  http://a/x  HTTP/1.1"}) {
    const ParsedRequest request(std::string(line) + "\r\nHost: a\r\nX: y\r\n\r\n");
    if (!request.verdict().empty()) continue;  // rejecting it is as good
    const std::string text = written(request);
    EXPECT_EQ(first_line(text), "GET /x HTTP/1.1") << line;
    const ParsedRequest again(text);
    ASSERT_EQ(again.verdict(), "") << line << "\n" << text;
    EXPECT_EQ(again.head.size, text.size());
    EXPECT_TRUE(has_line(text, "X: y"));
  }
}

TEST(RequestWriterTest, AnAbsoluteTargetBecomesAPathAndItsHost) {
  const std::string text = written(
      "GET http://shop.example:8080/x?y HTTP/1.1\r\nHost: SHOP.example:8080\r\nA: b\r\n\r\n");
  EXPECT_EQ(first_line(text), "GET /x?y HTTP/1.1");
  EXPECT_TRUE(has_line(text, "Host: shop.example:8080"));
  EXPECT_EQ(text.find("SHOP"), std::string::npos) << "one Host only";
  EXPECT_TRUE(has_line(text, "X-Forwarded-Host: shop.example:8080"));
  EXPECT_EQ(first_line(written("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n")), "GET / HTTP/1.1");
}

TEST(RequestWriterTest, Http10BecomesHttp11WithAHost) {
  const std::string without = written("GET /x HTTP/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(first_line(without), "GET /x HTTP/1.1");
  EXPECT_TRUE(has_line(without, "Host: ")) << "RFC 9112, 3.2";
  EXPECT_EQ(without.find("X-Forwarded-Host"), std::string::npos);
  const std::string with = written("GET /x HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has_line(with, "Host: a"));
  EXPECT_FALSE(has_line(with, "Host: "));
}

TEST(RequestWriterTest, TheAsteriskStays) {
  EXPECT_EQ(first_line(written("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), "OPTIONS * HTTP/1.1");
}

TEST(RequestWriterTest, FieldsOfThisHopDoNotGoOn) {
  const std::string text = written(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Private\r\nX-Private: 1\r\n"
      "Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: close\r\n"
      "X-Public: 1\r\n\r\n");
  for (const char* name :
       {"Connection", "X-Private", "Keep-Alive", "TE:", "Upgrade", "Proxy-Connection"}) {
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  }
  EXPECT_TRUE(has_line(text, "X-Public: 1"));
}

TEST(RequestWriterTest, WhatAClientSaysOfItsWayIsReplaced) {
  const std::string text = written(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nx-forwarded-for: 10.0.0.2\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\r\n");
  EXPECT_TRUE(has_line(text, "X-Forwarded-For: 192.0.2.7"));
  EXPECT_TRUE(has_line(text, "X-Forwarded-Proto: http"));
  EXPECT_TRUE(has_line(text, "X-Forwarded-Host: a"));
  for (const char* claim : {"10.0.0", "evil", "https", "x-forwarded-for"}) {
    EXPECT_EQ(text.find(claim), std::string::npos) << claim;
  }
}

TEST(RequestWriterTest, NoClaimOfAClientGoesOn) {
  const std::string text = written(
      "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=evil\r\nX-Real-IP: evil\r\nx-forwarded-port: "
      "evil\r\n"
      "X-Original-URL: evil\r\nTrue-Client-IP: evil\r\nClient-Cert: :evil:\r\nX-Forwarded-User: "
      "evil\r\n"
      "Connection: X-Real-IP, Forwarded\r\nX-Kept: 1\r\n\r\n");
  EXPECT_EQ(text.find("evil"), std::string::npos) << text;
  EXPECT_TRUE(has_line(text, "X-Kept: 1"));
}

TEST(RequestWriterTest, ATrustedProxysClaimsGoOn) {
  const std::string text = written_for_proxy(
      "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
      "X-Forwarded-Port: 443\r\nX-Original-URL: /b\r\nClient-Cert: :AAAA:\r\n"
      "Connection: X-Real-IP, Forwarded, Client-Cert\r\n\r\n");
  for (const char* line : {"Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1",
                           "X-Forwarded-Port: 443", "X-Original-URL: /b", "Client-Cert: :AAAA:"}) {
    EXPECT_TRUE(has_line(text, line)) << line;
  }
}

TEST(RequestWriterTest, ForwardedIsWrittenInPlaceOfTheOthers) {
  const std::string_view claims =
      "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=evil\r\nX-Forwarded-For: evil\r\n"
      "X-Forwarded-Proto: evil\r\nX-Forwarded-Host: evil\r\n\r\n";
  EXPECT_EQ(written_in(ForwardedFields::rfc7239, claims),
            "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 bonedry\r\n"
            "Forwarded: for=192.0.2.7;proto=http;host=a\r\n\r\n");
  EXPECT_EQ(written_in(ForwardedFields::both, claims),
            "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 bonedry\r\n"
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
            "Forwarded: for=192.0.2.7;proto=http;host=a\r\n\r\n");
}

TEST(RequestWriterTest, WhatIsNoTokenIsQuotedInForwarded) {
  const auto asked = [](const std::string& host, std::string_view client) {
    return written_in(ForwardedFields::rfc7239, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
                      Trust::none, client);
  };
  EXPECT_TRUE(has_line(asked("a.example:8080", "2001:db8::1"),
                       "Forwarded: for=\"[2001:db8::1]\";proto=http;host=\"a.example:8080\""));
  EXPECT_TRUE(
      has_line(asked("[::1]", "192.0.2.7"), "Forwarded: for=192.0.2.7;proto=http;host=\"[::1]\""));
  EXPECT_TRUE(has_line(asked("a;for=b", "192.0.2.7"),
                       "Forwarded: for=192.0.2.7;proto=http;host=\"a;for=b\""));
  EXPECT_TRUE(has_line(written_in(ForwardedFields::rfc7239, "GET / HTTP/1.0\r\n\r\n"),
                       "Forwarded: for=192.0.2.7;proto=http"));
}

TEST(RequestWriterTest, ForwardedOfATrustedProxyIsAppendedTo) {
  const auto told = [](std::string_view fields) {
    return written_in(ForwardedFields::rfc7239,
                      "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n",
                      Trust::forwarded);
  };
  EXPECT_TRUE(has_line(told("Forwarded: for=192.0.2.1;proto=https, for=\"[2001:db8::1]:80\"\r\n"
                            "Forwarded:\r\nforwarded: for=_x\r\n"),
                       "Forwarded: for=192.0.2.1;proto=https, for=\"[2001:db8::1]:80\", for=_x, "
                       "for=192.0.2.7;proto=http;host=a"));
  const std::string said = told(
      "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n"
      "X-Forwarded-Host: b\r\n");
  EXPECT_TRUE(has_line(said, "Forwarded: for=192.0.2.7;proto=https;host=b")) << said;
  EXPECT_TRUE(has_line(said, "X-Forwarded-For: 192.0.2.1")) << "not ours to write";
  const std::string open = told(
      "Forwarded: for=\"192.0.2.1\r\nForwarded: for=\"a\\\"\r\n"
      "Forwarded: for=\"a\\\"\"\r\n");
  EXPECT_TRUE(has_line(open, "Forwarded: for=\"a\\\"\", for=192.0.2.7;proto=http;host=a")) << open;
}

TEST(RequestWriterTest, AnAddressIsAppendedToThoseThatATrustedProxySent) {
  EXPECT_TRUE(
      has_line(written_for_proxy("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"),
               "X-Forwarded-For: 10.0.0.1, 192.0.2.7"));
  const std::string several = written_for_proxy(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"
      "A: b\r\nx-forwarded-for: 10.0.0.3\r\nX-Forwarded-For:\r\n\r\n");
  EXPECT_TRUE(has_line(several, "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7"))
      << several;
  EXPECT_EQ(several.find("x-forwarded-for"), std::string::npos);
}

TEST(RequestWriterTest, ATrustedProxysWordForSchemeAndHostGoesOn) {
  const std::string text = written_for_proxy(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: HTTPS\r\n"
      "X-Forwarded-Host: shop.example:8443\r\n\r\n");
  EXPECT_TRUE(has_line(text, "X-Forwarded-Proto: HTTPS"));
  EXPECT_TRUE(has_line(text, "X-Forwarded-Host: shop.example:8443"));
  const std::string silent = written_for_proxy("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has_line(silent, "X-Forwarded-Proto: http"));
  EXPECT_TRUE(has_line(silent, "X-Forwarded-Host: a"));
}

TEST(RequestWriterTest, ATrustedProxysSchemeMayBeOfAWebSocketAndInAnyCase) {
  for (const std::string scheme : {"ws", "wss", "WSS", "Wss", "https", "HTTPS", "HTTP"}) {
    const std::string text = written_for_proxy(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: \t" + scheme + "\t\r\n\r\n");
    EXPECT_TRUE(has_line(text, "X-Forwarded-Proto: " + scheme)) << text;
  }
}

TEST(RequestWriterTest, ATrustedProxysWordThatIsNotOneValidValueIsReplaced) {
  for (const char* fields : {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n"
                             "X-Forwarded-Host: b\r\nX-Forwarded-Host: b\r\n",
                             "X-Forwarded-Proto: https, http\r\nX-Forwarded-Host: b, c\r\n",
                             "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: b/c\r\n",
                             "X-Forwarded-Proto: wss://\r\nX-Forwarded-Host: user@b\r\n",
                             "X-Forwarded-Proto:\r\nX-Forwarded-Host:\r\n"}) {
    const std::string text =
        written_for_proxy("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    EXPECT_TRUE(has_line(text, "X-Forwarded-Proto: http")) << text;
    EXPECT_TRUE(has_line(text, "X-Forwarded-Host: a")) << text;
  }
}

TEST(RequestWriterTest, NamingTheForwardedFieldsInConnectionHidesNothing) {
  const std::string text = written_for_proxy(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
      "Connection: x-forwarded-for, host, via\r\n\r\n");
  EXPECT_TRUE(has_line(text, "X-Forwarded-For: 10.0.0.1, 192.0.2.7"));
  EXPECT_TRUE(has_line(text, "Host: a"));
  EXPECT_TRUE(has_line(text, "Via: 1.1 bonedry"));
}

TEST(RequestWriterTest, EarlierProxiesStayNamedBeforeUs) {
  const std::string text = written("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\n\r\n");
  const std::size_t fred = text.find("\r\nVia: 1.0 fred\r\n");
  const std::size_t ours = text.find("\r\nVia: 1.1 bonedry\r\n");
  ASSERT_NE(fred, std::string::npos);
  ASSERT_NE(ours, std::string::npos);
  EXPECT_LT(fred, ours);
}

TEST(RequestWriterTest, ALengthGoesOnAndChunksAreAnnouncedAnew) {
  EXPECT_TRUE(has_line(written("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"),
                       "Content-Length: 5"));
  EXPECT_TRUE(has_line(written("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
                       "Content-Length: 0"));
  const std::string chunked =
      written("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  Chunked\r\n\r\n");
  EXPECT_TRUE(has_line(chunked, "Transfer-Encoding: chunked"));
  EXPECT_EQ(chunked.find("Chunked"), std::string::npos) << "one Transfer-Encoding only";
}

TEST(RequestWriterTest, AnExpectationGoesOnUnlessHttp10MadeIt) {
  EXPECT_TRUE(has_line(written("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                               "Expect: 100-continue\r\n\r\n"),
                       "Expect: 100-continue"));
  EXPECT_EQ(written("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n"
                    "Expect: 100-continue\r\n\r\n")
                .find("Expect"),
            std::string::npos);
}

TEST(RequestWriterTest, OurCookieStaysHereAndTheOthersGoOn) {
  const ListedCookies cookies;
  const std::map<std::string, std::string> cases{{"ours=1", ""},
                                                 {"ours=1; a=2", "a=2"},
                                                 {"a=2; ours=1", "a=2"},
                                                 {"a=2; ours=1; b=3", "a=2; b=3"},
                                                 {"a=2", "a=2"}};
  for (const auto& [value, left] : cases) {
    const std::string text =
        written("GET / HTTP/1.1\r\nHost: a\r\nCookie: " + value + "\r\nA: b\r\n\r\n", &cookies);
    if (left.empty()) {
      EXPECT_EQ(text.find("Cookie"), std::string::npos) << "an empty field is no field";
    } else {
      EXPECT_TRUE(has_line(text, "Cookie: " + left)) << text;
    }
    EXPECT_EQ(text.find("ours"), std::string::npos) << value;
    EXPECT_TRUE(has_line(text, "A: b"));
  }
}

TEST(RequestWriterTest, EveryCookieFieldIsLookedAt) {
  const ListedCookies cookies;
  const std::string text = written(
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=2\r\ncookie:ours=1; b=3\r\nCookie: ours=1\r\n"
      "\r\n",
      &cookies);
  EXPECT_TRUE(has_line(text, "Cookie: a=2"));
  EXPECT_TRUE(has_line(text, "Cookie: b=3"));
  EXPECT_EQ(text.find("ours"), std::string::npos);
}

TEST(RequestWriterTest, WithoutAFilterAllCookiesGoOn) {
  EXPECT_TRUE(has_line(written("GET / HTTP/1.1\r\nHost: a\r\nCookie: ours=1; a=2\r\n\r\n"),
                       "Cookie: ours=1; a=2"));
}

TEST(RequestWriterTest, WhatIsWrittenReadsAsTheSameRequest) {
  const ListedCookies cookies;
  for (const char* text :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX:y\r\nCookie: ours=1\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
        "GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.0\r\nHost: a\r\nAccept:   b  \r\n\r\n",
        "HEAD /x HTTP/1.0\r\nHost: a\r\n\r\n"}) {
    const ParsedRequest before(text);
    const std::string out = written(before, &cookies);
    const ParsedRequest after(out);
    ASSERT_EQ(after.verdict(), "") << out;
    EXPECT_EQ(after.head.size, out.size()) << "nothing is left behind the head";
    EXPECT_EQ(after.facts().path, before.facts().path);
    EXPECT_EQ(after.facts().host, before.facts().host);
    EXPECT_EQ(after.facts().framing.kind, before.facts().framing.kind);
    EXPECT_EQ(after.facts().framing.length, before.facts().framing.length);
    EXPECT_EQ(after.head.text(after.head.method), before.head.text(before.head.method));
  }
}

TEST(RequestWriterTest, ARequestOfOurOwnComesThroughNoProxyAndIsTheLastOnItsConnection) {
  EXPECT_EQ(written(ParsedRequest("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n\r\n"), nullptr,
                    ClientInfo{}),
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace bonedry::http
