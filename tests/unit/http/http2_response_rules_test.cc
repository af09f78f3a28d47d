#include "proxy/http/rules.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::http {
namespace {

using test::ParsedResponse;

/// The verdict on a response of HTTP/2 with these lines, or "".
std::string http2_verdict(const std::string& status, const std::string& lines, BodyFollows follows,
                          RequestKind kind = RequestKind::other) {
  const ParsedResponse parsed("HTTP/1.1 " + status + " x\r\n" + lines + "\r\n");
  EXPECT_EQ(parsed.refusal(), "");
  const auto facts = validate_http2_response(parsed.head, follows, kind);
  return facts ? "" : facts.error();
}

ResponseFacts http2_facts(const std::string& status, const std::string& lines, BodyFollows follows,
                          RequestKind kind = RequestKind::other) {
  const ParsedResponse parsed("HTTP/1.1 " + status + " x\r\n" + lines + "\r\n");
  const auto facts = validate_http2_response(parsed.head, follows, kind);
  EXPECT_TRUE(facts) << lines;
  return facts ? *facts : ResponseFacts{};
}

bool lacks_length(const std::string& status, const std::string& lines,
                  RequestKind kind = RequestKind::other) {
  const ParsedResponse parsed("HTTP/1.1 " + status + " x\r\n" + lines + "\r\n");
  return needs_zero_length(parsed.head, kind);
}

TEST(Http2ResponseRulesTest, TheBodyIsAsTheHeadAndTheStreamSay) {
  EXPECT_EQ(http2_facts("200", "", BodyFollows::yes).body.length, BodyLength::unknown);
  EXPECT_EQ(http2_facts("200", "", BodyFollows::no).body.length, BodyLength::none);
  const ResponseFacts known = http2_facts("200", "Content-Length: 7\r\n", BodyFollows::yes);
  EXPECT_EQ(known.body.length, BodyLength::known);
  EXPECT_EQ(known.body.bytes, 7U);
  for (const BodyFollows follows : {BodyFollows::no, BodyFollows::yes}) {
    EXPECT_EQ(http2_facts("200", "Content-Length: 0\r\n", follows).body.length, BodyLength::none);
  }
}

TEST(Http2ResponseRulesTest, ResponsesThatAreRefused) {
  EXPECT_EQ(http2_verdict("200", "Content-Length: 7\r\n", BodyFollows::no),
            "a Content-Length without a body");
  EXPECT_EQ(http2_verdict("200", "Content-Length: 7\r\nContent-Length: 7\r\n", BodyFollows::yes),
            "more than one Content-Length");
  EXPECT_EQ(http2_verdict("200", "Content-Length: 7x\r\n", BodyFollows::yes),
            "a Content-Length that is not a number");
  EXPECT_EQ(http2_verdict("204", "Content-Length: x\r\n", BodyFollows::no),
            "a Content-Length that is not a number");
  EXPECT_EQ(http2_verdict("101", "", BodyFollows::yes, RequestKind::upgrade),
            "a 101, which HTTP/2 does not have");
  EXPECT_EQ(http2_verdict("103", "", BodyFollows::no), "a 1xx as the last response");
}

TEST(Http2ResponseRulesTest, InterimResponsesAreKnown) {
  EXPECT_TRUE(http2_facts("103", "Link: x\r\n", BodyFollows::yes).interim);
  EXPECT_TRUE(http2_facts("103", "Link: x\r\n", BodyFollows::yes, RequestKind::head).interim);
  EXPECT_FALSE(http2_facts("204", "", BodyFollows::no).interim);
}

TEST(Http2ResponseRulesTest, SomeResponsesHaveNoBodyWhateverTheySay) {
  for (const BodyFollows follows : {BodyFollows::no, BodyFollows::yes}) {
    for (const char* lines : {"", "Content-Length: 7\r\n"}) {
      for (const char* status : {"204", "304"}) {
        EXPECT_EQ(http2_facts(status, lines, follows).body.length, BodyLength::none) << status;
      }
      const ResponseFacts facts = http2_facts("200", lines, follows, RequestKind::head);
      EXPECT_EQ(facts.body.length, BodyLength::none) << lines;
    }
  }
}

TEST(Http2ResponseRulesTest, NothingEndsTheConnection) {
  const ResponseFacts facts = http2_facts("200", "", BodyFollows::yes);
  EXPECT_EQ(facts.persistence, Persistence::keep_alive);
  EXPECT_FALSE(facts.switches());
}

TEST(Http2ResponseRulesTest, WhatNeedsALengthInHttp1) {
  EXPECT_TRUE(lacks_length("200", ""));
  EXPECT_TRUE(lacks_length("404", "X: y\r\n"));
  EXPECT_TRUE(lacks_length("302", "", RequestKind::upgrade));
  EXPECT_FALSE(lacks_length("200", "Content-Length: 0\r\n"));
  EXPECT_FALSE(lacks_length("200", "", RequestKind::head));
  for (const char* status : {"100", "103", "204", "304"}) {
    EXPECT_FALSE(lacks_length(status, "")) << status;
  }
}

}  // namespace
}  // namespace bonedry::http
