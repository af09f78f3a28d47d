#include "proxy/request_id.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

namespace bonedry::proxy {
namespace {

using http::Trust;
using http::test::ParsedRequest;

RequestIds ids(conf::RequestId mode = conf::RequestId::forward) {
  return {mode, Random(1), Random(2)};
}

/// The id of a request with these fields.
std::string id_of(std::string_view fields, Trust trust,
                  conf::RequestId mode = conf::RequestId::forward) {
  const ParsedRequest request("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
  RequestIds source = ids(mode);
  RequestIds::Made made{};
  return std::string(source.id_of(request.head, trust, made));
}

bool is_new(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

TEST(RequestIdTest, ATrustedProxysIdIsKept) {
  EXPECT_EQ(id_of("X-Request-Id: abc-1\r\n", Trust::forwarded), "abc-1");
  EXPECT_EQ(id_of("x-request-ID:   abc-1  \r\n", Trust::forwarded), "abc-1");
}

TEST(RequestIdTest, AnyOtherClientsIdIsReplaced) {
  EXPECT_TRUE(is_new(id_of("X-Request-Id: abc-1\r\n", Trust::none)));
  EXPECT_TRUE(is_new(id_of("", Trust::none)));
  EXPECT_TRUE(is_new(id_of("", Trust::forwarded)));
}

TEST(RequestIdTest, OneThatIsNotValidIsReplaced) {
  EXPECT_TRUE(is_new(id_of("X-Request-Id: a b\r\n", Trust::forwarded)));
  EXPECT_TRUE(is_new(id_of("X-Request-Id:\r\n", Trust::forwarded)));
  EXPECT_TRUE(is_new(id_of("X-Request-Id: a\r\nX-Request-Id: b\r\n", Trust::forwarded)))
      << "nobody can tell which of them is meant";
}

TEST(RequestIdTest, WhatIsValid) {
  EXPECT_TRUE(is_request_id("x"));
  EXPECT_TRUE(is_request_id("0b52f8a3-5a3c-4d11-9b0e-5c8d0d7f1a11"));
  EXPECT_TRUE(is_request_id("Root=1-67891233-abcdef012345678912345678;Self=1!~"));
  EXPECT_TRUE(is_request_id(std::string(kMaxRequestId, 'x')));
  EXPECT_FALSE(is_request_id(std::string(kMaxRequestId + 1, 'x')));
  for (const char* const bad : {"", "a b", "a\tb", "a\"b", "a\\b", "a\x7f", "\xc3\xa9"}) {
    EXPECT_FALSE(is_request_id(bad)) << bad;
  }
}

TEST(RequestIdTest, NoneIsMadeWhenItIsOff) {
  EXPECT_EQ(id_of("X-Request-Id: abc-1\r\n", Trust::forwarded, conf::RequestId::off), "");
  EXPECT_EQ(id_of("", Trust::none, conf::RequestId::off), "");
}

TEST(RequestIdTest, OnlyRespondPutsItIntoResponses) {
  EXPECT_FALSE(ids(conf::RequestId::off).in_responses());
  EXPECT_FALSE(ids(conf::RequestId::forward).in_responses());
  EXPECT_TRUE(ids(conf::RequestId::respond).in_responses());
  EXPECT_EQ(request_id_field("abc"), "X-Request-Id: abc\r\n");
  EXPECT_EQ(request_id_field(""), "");
}

TEST(RequestIdTest, AllThatAreMadeDiffer) {
  const ParsedRequest request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  RequestIds here(conf::RequestId::forward);
  RequestIds there(conf::RequestId::forward);
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    for (RequestIds* const source : {&here, &there}) {
      RequestIds::Made memory{};
      made.emplace(source->id_of(request.head, Trust::none, memory));
    }
  }
  EXPECT_EQ(made.size(), 2000U);
}

TEST(RequestIdTest, BothHalvesAreRandom) {
  const ParsedRequest request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  RequestIds source = ids();
  std::set<std::string> first;
  std::set<std::string> second;
  for (int i = 0; i < 100; ++i) {
    RequestIds::Made made{};
    const std::string id(source.id_of(request.head, Trust::none, made));
    first.insert(id.substr(0, 16));
    second.insert(id.substr(16));
  }
  EXPECT_EQ(first.size(), 100U);
  EXPECT_EQ(second.size(), 100U);
}

}  // namespace
}  // namespace bonedry::proxy
