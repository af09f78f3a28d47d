#include "proxy/http2/response_builder.h"

#include "tests/unit/http2/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::http2 {
namespace {

using http::BodyLength;
using http::RequestKind;

/// A response, made of its fields.
struct BuiltResponse {
  explicit BuiltResponse(const test::FieldLines& fields, End end = End::yes,
                         RequestKind request = RequestKind::other,
                         const http::HeadLimits& limits = {}) {
    builder.start(limits, head);
    for (const auto& [name, value] : fields) builder.add(name, value);
    facts = builder.finish(end, request, blocks);
  }

  /// As a client of HTTP/1.1 would get it, but for its first line and what is edited on the way.
  [[nodiscard]] std::string text() const { return {head.base, head.size}; }
  /// "" if it is accepted.
  [[nodiscard]] std::string verdict() const { return *facts ? "" : facts->error(); }
  [[nodiscard]] http::Body body() const { return (*facts)->body; }

  BlockPool blocks;
  http::Head head;
  ResponseBuilder builder;
  std::optional<Result<http::ResponseFacts, const char*>> facts;
};

test::FieldLines status(const std::string& status, const test::FieldLines& more = {}) {
  test::FieldLines fields{{":status", status}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

constexpr const char* kBadPseudoField = "a pseudo-field that is unknown, repeated or out of place";

TEST(ResponseBuilderTest, AResponseBecomesAHeadWithLinesOfHttp1) {
  const BuiltResponse built(status("200", {{"server", "x"}, {"x-a", ""}}));
  ASSERT_EQ(built.verdict(), "");
  EXPECT_EQ(built.text(), "HTTP/2\r\nserver: x\r\nx-a: \r\n\r\n");
  EXPECT_EQ(built.head.status, 200);
  EXPECT_EQ(built.head.major, 2);
  EXPECT_EQ(built.head.reason.size, 0U);
  ASSERT_EQ(built.head.fields.size(), 2U);
  EXPECT_EQ(built.head.name(built.head.fields[0]), "server");
  EXPECT_EQ(built.head.value(built.head.fields[0]), "x");
  EXPECT_EQ(built.head.value(built.head.fields[1]), "");
}

TEST(ResponseBuilderTest, FieldsAreKnownByTheirNames) {
  const BuiltResponse built(status("200", {{"set-cookie", "a=1"}, {"set-cookie", "b=2"}}));
  ASSERT_EQ(built.head.fields.size(), 2U);
  EXPECT_EQ(built.head.fields[1].id, http::FieldName::set_cookie);
  EXPECT_EQ(built.text(), "HTTP/2\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n");
}

TEST(ResponseBuilderTest, StatusesHaveThreeDigits) {
  for (const char* good : {"200", "299", "404", "599"}) {
    const BuiltResponse built(status(good));
    EXPECT_EQ(built.verdict(), "") << good;
    EXPECT_EQ(std::to_string(built.head.status), good);
  }
  for (const char* bad : {"", "20", "2000", "099", "600", "000", "2x0", "+20", " 200", "200 ",
                          "200 OK", "20\n", "-10"}) {
    EXPECT_EQ(BuiltResponse(status(bad)).verdict(), "a malformed status") << bad;
  }
  EXPECT_EQ(BuiltResponse(status("101"), End::no).verdict(), "a 101, which HTTP/2 does not have");
  EXPECT_EQ(BuiltResponse(status("101"), End::no, RequestKind::upgrade).verdict(),
            "a 101, which HTTP/2 does not have");
}

TEST(ResponseBuilderTest, PseudoFieldsThatAreRefused) {
  EXPECT_EQ(BuiltResponse(test::FieldLines{}).verdict(), "no status");
  EXPECT_EQ(BuiltResponse(test::FieldLines{{"server", "x"}}).verdict(), "no status");
  EXPECT_EQ(BuiltResponse(status("200", {{":status", "200"}})).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse(status("200", {{":unknown", "x"}})).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse(status("200", {{":", "x"}})).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse(status("200", {{":path", "/"}})).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse({{":path", "/"}, {":status", "200"}}).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse(test::FieldLines{{":Status", "200"}}).verdict(), kBadPseudoField);
  EXPECT_EQ(BuiltResponse({{"server", "x"}, {":status", "200"}}).verdict(), kBadPseudoField);
}

TEST(ResponseBuilderTest, FieldsThatAreRefused) {
  const test::FieldLines malformed{{"Upper", "x"},
                                   {"", "x"},
                                   {"a b", "x"},
                                   {"a:b", "x"},
                                   {"a\nb", "x"},
                                   {"a\r\nx: y\r\n", "x"},
                                   {"\xc3\xa9", "x"},
                                   {"x", "a\r\nset-cookie: c"},
                                   {"x", "a\r\n\r\nHTTP/1.1 200 OK\r\n"},
                                   {"x", "a\rb"},
                                   {"x", std::string("a\0b", 3)},
                                   {"x", " a"},
                                   {"x", "a\t"},
                                   {"x", "a\x7f"},
                                   {"content-length", "5\r\n"},
                                   {"content-length", " 5"}};
  for (const auto& field : malformed) {
    const BuiltResponse built(status("200", {field}), End::no);
    EXPECT_EQ(built.verdict(), "a malformed header field") << field.first << ": " << field.second;
  }
  EXPECT_EQ(BuiltResponse(status("200", {{"x", "a\tb \xc3\xa9"}})).verdict(), "");
}

TEST(ResponseBuilderTest, FieldsOfConnectionsAreRefused) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_EQ(BuiltResponse(status("200", {{name, "x"}}), End::no).verdict(),
              "a field that HTTP/2 does not have")
        << name;
  }
}

TEST(ResponseBuilderTest, TheFirstFaultIsTold) {
  const BuiltResponse built(status("2", {{"Upper", "x"}, {"connection", "x"}}));
  EXPECT_EQ(built.verdict(), "a malformed status");
}

TEST(ResponseBuilderTest, LimitsOfTheHead) {
  http::HeadLimits limits;
  limits.bytes = 200;
  limits.fields = 3;
  const std::string text(150, 'x');
  const auto verdict = [&limits](const test::FieldLines& more) {
    return BuiltResponse(status("200", more), End::yes, RequestKind::other, limits).verdict();
  };
  EXPECT_EQ(verdict({{"a", text}}), "");
  EXPECT_EQ(verdict({{"a", text}, {"b", text}}), "a head that is too large");
  EXPECT_EQ(verdict({{"a", ""}, {"b", ""}, {"c", ""}}), "");
  EXPECT_EQ(verdict({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}), "a head that is too large");
}

TEST(ResponseBuilderTest, AHeadThatIsLargerThanABlock) {
  http::HeadLimits limits;
  limits.bytes = 4 * BlockPool::kBlockSize;
  const std::string text(BlockPool::kBlockSize, 'x');
  const BuiltResponse built(status("200", {{"a", text}, {"b", text}}), End::yes, RequestKind::other,
                            limits);
  ASSERT_EQ(built.verdict(), "");
  EXPECT_EQ(built.head.value(built.head.fields[1]), text);
}

// -- Bodies ---------------------------------------------------------------------------------------

TEST(ResponseBuilderTest, TheBodyIsAsTheHeadAndTheStreamSay) {
  const auto body = [](const test::FieldLines& more, End end) {
    const BuiltResponse built(status("200", more), end);
    EXPECT_EQ(built.verdict(), "");
    return built.body();
  };
  EXPECT_EQ(body({}, End::no).length, BodyLength::unknown);
  EXPECT_EQ(body({}, End::yes).length, BodyLength::none);
  EXPECT_EQ(body({{"content-length", "5"}}, End::no).length, BodyLength::known);
  EXPECT_EQ(body({{"content-length", "5"}}, End::no).bytes, 5U);
  EXPECT_EQ(body({{"content-length", "0"}}, End::no).length, BodyLength::none);
  EXPECT_EQ(body({{"content-length", "0"}}, End::yes).length, BodyLength::none);
}

TEST(ResponseBuilderTest, LengthsThatAreRefused) {
  const auto verdict = [](const test::FieldLines& more, End end) {
    return BuiltResponse(status("200", more), end).verdict();
  };
  EXPECT_EQ(verdict({{"content-length", "5"}}, End::yes), "a Content-Length without a body");
  EXPECT_EQ(verdict({{"content-length", "5"}, {"content-length", "5"}}, End::no),
            "more than one Content-Length");
  for (const char* bad : {"", "+5", "-1", "5, 5", "0x5", "9223372036854775808", "5 5"}) {
    EXPECT_EQ(verdict({{"content-length", bad}}, End::no), "a Content-Length that is not a number")
        << bad;
  }
}

TEST(ResponseBuilderTest, SomeResponsesHaveNoBodyWhateverTheySay) {
  struct Case {
    const char* status;
    RequestKind request;
  };
  for (const Case& one : {Case{"200", RequestKind::head}, Case{"404", RequestKind::head},
                          Case{"204", RequestKind::other}, Case{"304", RequestKind::other}}) {
    for (const End end : {End::no, End::yes}) {
      for (const test::FieldLines& more :
           {test::FieldLines{}, test::FieldLines{{"content-length", "17"}}}) {
        const BuiltResponse built(status(one.status, more), end, one.request);
        ASSERT_EQ(built.verdict(), "") << one.status;
        EXPECT_EQ(built.body().length, BodyLength::none) << one.status;
        EXPECT_FALSE((*built.facts)->interim);
      }
    }
  }
}

TEST(ResponseBuilderTest, InterimResponsesAreNotTheLast) {
  for (const char* interim : {"100", "103", "199"}) {
    const BuiltResponse built(status(interim, {{"link", "</a>"}}), End::no);
    ASSERT_EQ(built.verdict(), "") << interim;
    EXPECT_TRUE((*built.facts)->interim) << interim;
    EXPECT_EQ(built.body().length, BodyLength::none);
    EXPECT_EQ(BuiltResponse(status(interim), End::yes).verdict(), "a 1xx as the last response");
  }
}

TEST(ResponseBuilderTest, NothingSwitchesProtocols) {
  const BuiltResponse built(status("200"), End::no, RequestKind::upgrade);
  ASSERT_EQ(built.verdict(), "");
  EXPECT_FALSE((*built.facts)->switches());
}

TEST(ResponseBuilderTest, OneResponseAfterTheOther) {
  BlockPool blocks;
  ResponseBuilder builder;
  http::Head first;
  http::Head second;
  builder.start({}, first);
  builder.add("Bad", "x");
  EXPECT_FALSE(builder.finish(End::yes, RequestKind::other, blocks));
  builder.start({}, second);
  for (const auto& [name, value] : status("404", {{"x", "y"}})) builder.add(name, value);
  EXPECT_TRUE(builder.finish(End::yes, RequestKind::other, blocks));
  EXPECT_EQ(second.status, 404);
  EXPECT_EQ(second.fields.size(), 1U);
}

TEST(ResponseBuilderTest, AnInterimHeadLeavesNothingInTheNextOne) {
  BlockPool blocks;
  ResponseBuilder builder;
  http::Head head;
  builder.start({}, head);
  for (const auto& [name, value] : status("103", {{"link", "x"}})) builder.add(name, value);
  EXPECT_TRUE(builder.finish(End::no, RequestKind::other, blocks));
  builder.start({}, head);
  builder.add(":status", "200");
  EXPECT_TRUE(builder.finish(End::yes, RequestKind::other, blocks));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(std::string(head.base, head.size), "HTTP/2\r\n\r\n");
}

// -- Trailers -------------------------------------------------------------------------------------

TEST(ResponseTrailersTest, OnlySomeMayBeForwarded) {
  ResponseTrailers trailers;
  EXPECT_EQ(trailers.lines(), "");
  trailers.add({}, "grpc-status", "0");
  trailers.add({}, "grpc-message", "");
  for (const char* dropped :
       {"content-length", "transfer-encoding", "connection", "set-cookie", "content-type",
        "cache-control", "location", "age", "host", "te", "trailer", "date", "via", "upgrade"}) {
    const std::string before = trailers.lines();
    trailers.add({}, dropped, "5");
    const bool kept = trailers.lines() != before;
    EXPECT_FALSE(kept) << dropped;
  }
  EXPECT_EQ(trailers.error(), nullptr);
  EXPECT_EQ(trailers.lines(), "grpc-status: 0\r\ngrpc-message: \r\n");
}

TEST(ResponseTrailersTest, MalformedOnesAreErrors) {
  const test::FieldLines malformed{{":status", "200"}, {"Upper", "x"},          {"", "x"},
                                   {"a b", "x"},       {"x", "a\r\nb: c"},      {"x", " a"},
                                   {"x\n", "a"},       {"content-type", "a\nb"}};
  for (const auto& [name, value] : malformed) {
    ResponseTrailers trailers;
    trailers.add({}, name, value);
    ASSERT_NE(trailers.error(), nullptr) << name << ": " << value;
    EXPECT_EQ(trailers.error(), std::string("a malformed header field"));
    EXPECT_EQ(trailers.lines(), "");
  }
}

TEST(ResponseTrailersTest, TheyHaveTheLimitOfAHead) {
  http::HeadLimits limits;
  limits.bytes = 20;
  ResponseTrailers trailers;
  trailers.add(limits, "a", "0123456789");
  EXPECT_EQ(trailers.error(), nullptr);
  trailers.add(limits, "b", "0123456789");
  ASSERT_NE(trailers.error(), nullptr);
  EXPECT_EQ(trailers.error(), std::string("trailers that are too large"));
}

}  // namespace
}  // namespace bonedry::http2
