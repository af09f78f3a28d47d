#include "proxy/http/rules.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

using test::ParsedRequest;
using test::ParsedResponse;

std::string response(const std::string& status, const std::string& lines = "") {
  return "HTTP/1.1 " + status + "\r\n" + lines + "\r\n";
}

TEST(ResponseRulesTest, WithoutFramingABodyEndsWithTheConnection) {
  const ResponseFacts facts = ParsedResponse(response("200 OK")).facts();
  EXPECT_EQ(facts.framing.kind, FramingKind::until_close);
  EXPECT_EQ(facts.persistence, Persistence::close);
  EXPECT_FALSE(facts.interim);
}

TEST(ResponseRulesTest, LengthsAndChunksFrameABody) {
  const ResponseFacts length = ParsedResponse(response("200 OK", "Content-Length: 17\r\n")).facts();
  EXPECT_EQ(length.framing.kind, FramingKind::length);
  EXPECT_EQ(length.framing.length, 17U);
  EXPECT_EQ(length.persistence, Persistence::keep_alive);
  EXPECT_EQ(ParsedResponse(response("200 OK", "Content-Length: 0\r\n")).facts().framing.kind,
            FramingKind::none);
  EXPECT_EQ(
      ParsedResponse(response("200 OK", "Transfer-Encoding: chunked\r\n")).facts().framing.kind,
      FramingKind::chunked);
}

TEST(ResponseRulesTest, SomeResponsesHaveNoBodyWhateverTheySay) {
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    const ResponseFacts facts = ParsedResponse(response(status, "Content-Length: 17\r\n")).facts();
    EXPECT_EQ(facts.framing.kind, FramingKind::none) << status;
    EXPECT_EQ(facts.persistence, Persistence::keep_alive) << status;
  }
  for (const char* lines : {"", "Content-Length: 17\r\n", "Transfer-Encoding: chunked\r\n"}) {
    const ResponseFacts facts =
        ParsedResponse(response("200 OK", lines), RequestKind::head).facts();
    EXPECT_EQ(facts.framing.kind, FramingKind::none) << lines;
    EXPECT_EQ(facts.persistence, Persistence::keep_alive) << lines;
  }
}

TEST(ResponseRulesTest, InterimResponsesAreKnown) {
  for (const char* status : {"100 Continue", "103 Early Hints", "199 x"}) {
    const ResponseFacts facts = ParsedResponse(response(status)).facts();
    EXPECT_TRUE(facts.interim) << status;
    EXPECT_EQ(facts.framing.kind, FramingKind::none) << status;
  }
}

TEST(ResponseRulesTest, AnUpgradeThatNobodyAskedForIsRefused) {
  EXPECT_EQ(ParsedResponse(response("101 Switching Protocols",
                                    "Connection: upgrade\r\nUpgrade: websocket\r\n"))
                .verdict(),
            "a 101 that was not requested");
}

TEST(ResponseRulesTest, StatusesOutOfRangeAreRefused) {
  for (const char* status : {"000 x", "099 x", "600 x", "999 x"}) {
    EXPECT_NE(ParsedResponse(response(status)).verdict(), "") << status;
  }
  EXPECT_EQ(ParsedResponse(response("599 x", "Content-Length: 0\r\n")).verdict(), "");
}

TEST(ResponseRulesTest, OtherVersionsAreRefused) {
  for (const char* version : {"HTTP/2.0", "HTTP/1.2", "HTTP/0.9"}) {
    EXPECT_NE(ParsedResponse(std::string(version) + " 200 OK\r\n\r\n").verdict(), "") << version;
  }
}

TEST(ResponseRulesTest, FramingThatTwoCouldReadDifferentlyIsRefused) {
  for (const char* lines : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                            "Content-Length: 5\r\nContent-Length: 6\r\n",
                            "Content-Length: 5, 6\r\n", "Content-Length: -1\r\n",
                            "Content-Length: x\r\n", "Content-Length: 9223372036854775808\r\n",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: gzip\r\n",
                            "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding:\r\n"}) {
    EXPECT_NE(ParsedResponse(response("200 OK", lines)).verdict(), "") << lines;
  }
  EXPECT_NE(ParsedResponse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").verdict(), "");
}

TEST(ResponseRulesTest, WhetherTheConnectionStaysIsForTheNodeToSay) {
  const auto stays = [](const std::string& text) {
    return ParsedResponse(text).facts().persistence == Persistence::keep_alive;
  };
  const std::string length = "Content-Length: 1\r\n";
  EXPECT_TRUE(stays("HTTP/1.1 200 OK\r\n" + length + "\r\n"));
  EXPECT_FALSE(stays("HTTP/1.1 200 OK\r\n" + length + "Connection: close\r\n\r\n"));
  EXPECT_FALSE(stays("HTTP/1.0 200 OK\r\n" + length + "\r\n"));
  EXPECT_TRUE(stays("HTTP/1.0 200 OK\r\n" + length + "Connection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(stays("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n")) << "until it closes";
}

// -- Hop-by-hop fields ----------------------------------------------------------------------------

/// The names of the fields that are not forwarded.
std::vector<std::string_view> hop_by_hop_of(const Head& head) {
  const HopByHop hop_by_hop(head);
  std::vector<std::string_view> names;
  for (const Field& field : head.fields) {
    if (hop_by_hop(field)) names.push_back(head.name(field));
  }
  return names;
}

using Names = std::vector<std::string_view>;

TEST(HopByHopTest, FieldsForOneConnectionStayOnIt) {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nKeep-Alive: 5\r\n"
      "Proxy-Connection: x\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n"
      "Accept: */*\r\n\r\n");
  EXPECT_EQ(hop_by_hop_of(request.head), (Names{"Connection", "Keep-Alive", "Proxy-Connection",
                                                "TE", "Transfer-Encoding", "Upgrade"}));
}

TEST(HopByHopTest, FieldsThatConnectionNamesStayToo) {
  const ParsedRequest request(
      "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nConnection: x-one, X-TWO\r\nx-two: 2\r\n"
      "X-Three: 3\r\nConnection: x-four\r\nX-Four: 4\r\nX-On: 5\r\nX-One: again\r\n\r\n");
  EXPECT_EQ(hop_by_hop_of(request.head),
            (Names{"X-One", "Connection", "x-two", "Connection", "X-Four", "X-One"}));
}

TEST(HopByHopTest, NobodyCanHaveAFieldRemovedThatChangesWhatAMessageMeans) {
  const ParsedRequest request(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: a=b\r\nDate: now\r\n"
      "Connection: host, content-length, cookie, set-cookie, date, close\r\n\r\n");
  EXPECT_EQ(hop_by_hop_of(request.head), Names{"Connection"});
  const ParsedResponse answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nDate: now\r\n"
      "Connection: content-length, set-cookie, date\r\n\r\n");
  EXPECT_EQ(hop_by_hop_of(answer.head), Names{"Connection"});
}

// -- Trailers -------------------------------------------------------------------------------------

TEST(TrailerTest, WhatNoTrailerMayBeIsKnownInAnyCase) {
  for (const char* name : {"Content-Length",
                           "Transfer-Encoding",
                           "Host",
                           "Connection",
                           "Trailer",
                           "TE",
                           "Upgrade",
                           "Cookie",
                           "Set-Cookie",
                           "Authorization",
                           "Proxy-Authorization",
                           "WWW-Authenticate",
                           "Cache-Control",
                           "Expires",
                           "Age",
                           "Vary",
                           "Content-Encoding",
                           "Content-Type",
                           "Content-Range",
                           "Range",
                           "Location",
                           "Retry-After",
                           "Max-Forwards",
                           "Expect",
                           "Via",
                           "X-Forwarded-For",
                           "content-length",
                           "AUTHORIZATION"}) {
    EXPECT_FALSE(trailer_allowed(name)) << name;
  }
  for (const char* name : {"X-Checksum", "Server-Timing", "Digest", "ETag", "Grpc-Status"}) {
    EXPECT_TRUE(trailer_allowed(name)) << name;
  }
}

}  // namespace
}  // namespace bonedry::http
