#include "proxy/http/parser.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

using test::describe;
using test::ParsedHead;
using Kind = Parser::Kind;

struct Sample {
  Kind kind;
  std::string text;
};

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {Kind::request, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {Kind::request, "GET /a/long/path?with=a&query=%20 HTTP/1.0\r\n\r\n"},
      {Kind::request,
       "POST /login HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent:   padded   \r\n"
       "Content-Length: 12\r\nX-Empty:\r\nX-Blank:  \t \r\nCookie: a=1; "
       "b=2\r\nX-Tab:\tt\t\r\n\r\n"},
      {Kind::request, "OPTIONS * HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {Kind::request,
       "GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
       "Upgrade: websocket\r\n\r\n"},
      {Kind::request, "PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {Kind::request, "GET / HTTP/1.1\r\nHost: a\r\nX: a, b; c=\"d \\\" e\"; f:g\xc3\xa4\r\n\r\n"},
      {Kind::response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x y z\r\n\r\n"},
      {Kind::response, "HTTP/1.1 404 Not Found At All\r\nDate: today\r\n\r\n"},
      {Kind::response,
       "HTTP/1.0 302 Found\r\nLocation: http://a/\r\nSet-Cookie: a=b; Path=/\r\n"
       "Set-Cookie: c=d\r\n\r\n"},
      {Kind::response, "HTTP/1.1 204 \r\nX:y\r\n\r\n"},
      {Kind::response, "HTTP/1.1 200\r\nX: y\r\n\r\n"},
      {Kind::response, "HTTP/1.1 100 Continue\r\n\r\n"},
  };
  return all;
}

/// Parses a head in pieces that end at `ends`. Before each piece it moves all bytes to new memory,
/// as a growing buffer does. Returns the head as text.
std::string in_pieces(const Sample& sample, const std::vector<std::size_t>& ends) {
  Parser parser(sample.kind);
  Head head;
  std::unique_ptr<char[]> memory;
  for (const std::size_t end : ends) {
    auto fresh = std::make_unique<char[]>(end);
    sample.text.copy(fresh.get(), end);
    memory = std::move(fresh);
    const ParseStatus status = parser.parse_head(memory.get(), end, HeadLimits{}, head);
    if (status == ParseStatus::failed) return parser.refusal().why;
    const bool last = end == sample.text.size();
    if ((status == ParseStatus::complete) != last) return "complete at the wrong place";
  }
  if (head.size != sample.text.size()) return "of the wrong size";
  return describe(head);
}

std::string whole(const Sample& sample) {
  return in_pieces(sample, {sample.text.size()});
}

TEST(ParserHeadTest, ARequestIsReadAsItWasWritten) {
  EXPECT_EQ(whole(samples()[2]),
            "POST /login 1.1\nHost=[shop.example:8080] known\nUser-Agent=[padded]\n"
            "Content-Length=[12] known\nX-Empty=[]\nX-Blank=[]\nCookie=[a=1; b=2] known\n"
            "X-Tab=[t]\n");
}

TEST(ParserHeadTest, AResponseIsReadAsItWasWritten) {
  EXPECT_EQ(whole(samples()[9]),
            "302 Found 1.0\nLocation=[http://a/]\nSet-Cookie=[a=b; Path=/] known\n"
            "Set-Cookie=[c=d] known\n");
  EXPECT_EQ(whole(samples()[8]), "404 Not Found At All 1.1\nDate=[today] known\n");
  EXPECT_EQ(whole(samples()[10]), "204  1.1\nX=[y]\n");
  EXPECT_EQ(whole(samples()[11]), "200  1.1\nX=[y]\n");
}

TEST(ParserHeadTest, OneByteAtATimeGivesTheSameHead) {
  for (const Sample& sample : samples()) {
    std::vector<std::size_t> ends;
    for (std::size_t end = 1; end <= sample.text.size(); ++end) ends.push_back(end);
    EXPECT_EQ(in_pieces(sample, ends), whole(sample)) << sample.text;
  }
}

TEST(ParserHeadTest, CutAnywhereInTwoItGivesTheSameHead) {
  for (const Sample& sample : samples()) {
    for (std::size_t cut = 1; cut < sample.text.size(); ++cut) {
      ASSERT_EQ(in_pieces(sample, {cut, sample.text.size()}), whole(sample))
          << sample.text << "cut at " << cut;
    }
  }
}

TEST(ParserHeadTest, WhatFollowsTheHeadIsLeftForTheNext) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string second = "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  const std::string both = first + second;
  Parser parser(Kind::request);
  Head head;
  ASSERT_EQ(parser.parse_head(both.data(), both.size(), HeadLimits{}, head), ParseStatus::complete);
  EXPECT_EQ(head.size, first.size());
  EXPECT_EQ(parser.parsed_bytes(), first.size());
  EXPECT_EQ(describe(head), "GET /1 1.1\nHost=[a] known\n");

  head.clear();
  parser.start();
  ASSERT_EQ(parser.parse_head(both.data() + first.size(), second.size(), HeadLimits{}, head),
            ParseStatus::complete);
  EXPECT_EQ(describe(head), "GET /2 1.1\nHost=[b] known\n");
}

TEST(ParserHeadTest, APipelinedRequestMayBeCutAnywhere) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string second = "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  const std::string both = first + second;
  for (std::size_t cut = first.size(); cut < both.size(); ++cut) {
    Parser parser(Kind::request);
    Head head;
    ASSERT_EQ(parser.parse_head(both.data(), cut, HeadLimits{}, head), ParseStatus::complete);
    head.clear();
    parser.start();
    const char* const rest = both.data() + first.size();
    ASSERT_EQ(parser.parse_head(rest, cut - first.size(), HeadLimits{}, head), ParseStatus::more);
    ASSERT_EQ(parser.parse_head(rest, second.size(), HeadLimits{}, head), ParseStatus::complete);
    ASSERT_EQ(describe(head), "GET /2 1.1\nHost=[b] known\n");
  }
}

TEST(ParserHeadTest, AfterAFailureItStartsAnew) {
  Parser parser(Kind::request);
  Head head;
  const std::string bad = "GET / HTTP/1.1\r\nHost a\r\n\r\n";
  ASSERT_EQ(parser.parse_head(bad.data(), bad.size(), HeadLimits{}, head), ParseStatus::failed);
  EXPECT_EQ(parser.refusal().status, 400);
  head.clear();
  parser.start();
  const std::string good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(parser.parse_head(good.data(), good.size(), HeadLimits{}, head), ParseStatus::complete);
  EXPECT_STREQ(parser.refusal().why, "");
}

// -- Limits ---------------------------------------------------------------------------------------

std::string request_of(std::size_t size) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  text += std::string(size - text.size() - 4, 'x');
  return text + "\r\n\r\n";
}

TEST(ParserLimitsTest, AHeadMayBeAsLargeAsTheLimitAndNoLarger) {
  HeadLimits limits;
  limits.bytes = 1000;
  EXPECT_EQ(ParsedHead(Kind::request, request_of(999), limits).refusal(), "");
  EXPECT_EQ(ParsedHead(Kind::request, request_of(1000), limits).refusal(), "");
  EXPECT_EQ(ParsedHead(Kind::request, request_of(1001), limits).refusal(),
            "431 a head that is too large");
}

TEST(ParserLimitsTest, ATooLargeHeadIsRefusedAsSoonAsTheLimitIsFull) {
  HeadLimits limits;
  limits.bytes = 1000;
  const std::string text = request_of(5000);
  Parser parser(Kind::request);
  Head head;
  EXPECT_EQ(parser.parse_head(text.data(), 999, limits, head), ParseStatus::more);
  EXPECT_EQ(parser.parse_head(text.data(), 1000, limits, head), ParseStatus::failed);
  EXPECT_EQ(parser.refusal().status, 431);
}

TEST(ParserLimitsTest, ATargetThatFillsTheLimitIsTooLong) {
  HeadLimits limits;
  limits.bytes = 1000;
  const std::string text = "GET /" + std::string(5000, 'x');
  EXPECT_EQ(ParsedHead(Kind::request, std::string_view(text).substr(0, 1000), limits).refusal(),
            "414 a target that is too long");
}

TEST(ParserLimitsTest, AResponseHasNoTargetToBeTooLong) {
  HeadLimits limits;
  limits.bytes = 100;
  const std::string text = "HTTP/1.1 200 " + std::string(200, 'x');
  EXPECT_EQ(ParsedHead(Kind::response, std::string_view(text).substr(0, 100), limits).refusal(),
            "431 a head that is too large");
}

TEST(ParserLimitsTest, AsManyFieldsAsTheLimitAndNoMore) {
  HeadLimits limits;
  limits.fields = 10;
  const auto with = [](int fields) {
    std::string text = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < fields; ++i) text += "X-" + std::to_string(i) + ": " + "\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(ParsedHead(Kind::request, with(10), limits).refusal(), "");
  EXPECT_EQ(ParsedHead(Kind::request, with(11), limits).refusal(), "431 too many header fields");
}

// -- Malformed messages ---------------------------------------------------------------------------

std::string verdict_on(Kind kind, const std::string& text) {
  const ParsedHead parsed(kind, text);
  return parsed.refusal();
}

TEST(ParserStrictnessTest, MalformedRequestsAreRefused) {
  const std::vector<std::string> bad{
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",                // a space before the colon
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n",                // a space before the first field
      "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",   // a folded line
      "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n",  // a line folded with a tab
      "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n 2\r\n\r\n",     // a folded line after an empty value
      "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",          // a field without a name
      "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",            // a field without a colon
      "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",       // a space in a name
      "GET / HTTP/1.1\r\nHost: a\r\nX(Y): z\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",  // bare line feeds
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\rHost: a\r\r",  // bare carriage returns
      "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\rX",  // a head that ends in CR LF CR X
      std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29),
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n",
      "GET  HTTP/1.1\r\nHost: a\r\n\r\n",    // no target
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",  // a space after the version
      "GET / HTTP /1.1\r\nHost: a\r\n\r\n",
      "GET / http/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/11\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1x\r\nHost: a\r\n\r\n",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "get / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\ta HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / a HTTP/1.1\r\nHost: a\r\n\r\n",
      "\x16\x03\x01\x02",         // TLS on a plain port
      "HTTP/1.1 200 OK\r\n\r\n",  // a response
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const std::string& text : bad) {
    const std::string verdict = verdict_on(Kind::request, text);
    EXPECT_TRUE(verdict.starts_with("400 ") || verdict.starts_with("505 "))
        << text << "-> '" << verdict << "'";
  }
}

TEST(ParserStrictnessTest, EveryMalformedRequestHasAReason) {
  const std::string verdict = verdict_on(Kind::request, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  EXPECT_GT(verdict.size(), std::string("400 ").size());
}

TEST(ParserStrictnessTest, OtherVersionsAreRefusedByNumber) {
  for (const char* version : {"HTTP/2.0", "HTTP/3.0", "HTTP/1.2", "HTTP/0.8", "HTTP/9.9"}) {
    const std::string text = "GET / " + std::string(version) + "\r\nHost: a\r\n\r\n";
    EXPECT_EQ(test::ParsedRequest(text).verdict().substr(0, 3), "505") << version;
  }
}

TEST(ParserStrictnessTest, OtherProtocolsThatLookLikeHttpAreRefused) {
  // llhttp also parses these protocols, each with its own methods.
  for (const char* line :
       {"OPTIONS * RTSP/1.0", "OPTIONS /x RTSP/1.1", "GET /x RTSP/1.1", "SETUP /x RTSP/1.0",
        "DESCRIBE /x RTSP/1.1", "SOURCE /x ICE/1.0", "GET /x ICE/1.0", "PRI * HTTP/2.0"}) {
    const std::string text = std::string(line) + "\r\nHost: a\r\n\r\n";
    EXPECT_NE(test::ParsedRequest(text).verdict(), "") << line;
  }
}

TEST(ParserStrictnessTest, MalformedResponsesAreRefused) {
  const std::vector<std::string> bad{
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2x0 OK\r\n\r\n",
      "HTTP/1.1  OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX\r\n\r\n",
      "HTTP 200 OK\r\n\r\n",
      "<html>no head at all</html>\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
  };
  for (const std::string& text : bad) {
    const std::string verdict = verdict_on(Kind::response, text);
    EXPECT_TRUE(verdict.starts_with("400 ") || verdict.starts_with("505 "))
        << text << "-> '" << verdict << "'";
  }
}

TEST(ParserStrictnessTest, ControlCharactersInAReasonAreRefused) {
  // RFC 9112, section 4: only spaces, tabs, visible characters and bytes beyond ASCII.
  for (const char c : {'\0', '\x01', '\x1b', '\x7f'}) {
    const std::string text = std::string("HTTP/1.1 200 O") + c + "K\r\nContent-Length: 0\r\n\r\n";
    EXPECT_NE(test::ParsedResponse(text).verdict(), "") << static_cast<int>(c);
  }
}

TEST(ParserStrictnessTest, LengthAndChunkedTogetherAreRefused) {
  for (const char* fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"}) {
    const std::string text = "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
    EXPECT_NE(test::ParsedRequest(text).verdict(), "") << text;
  }
}

}  // namespace
}  // namespace bonedry::http
