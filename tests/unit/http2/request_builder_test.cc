#include "proxy/http2/request_builder.h"

#include "tests/unit/http2/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bonedry::http2 {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A request, made of its fields.
struct Built {
  explicit Built(const test::FieldLines& fields, End end = End::yes,
                 const http::HeadLimits& limits = {}) {
    builder.start(limits, head);
    for (const auto& [name, value] : fields) builder.add(name, value);
    info = builder.finish(end, blocks, "KEY");
  }

  /// As a node of HTTP/1.1 would get it, but for what is edited on the way.
  [[nodiscard]] std::string text() const { return {head.base, head.size}; }
  /// "" if it is accepted.
  [[nodiscard]] std::string verdict() const {
    return *info ? "" : std::to_string(info->error().status) + " " + info->error().why;
  }

  BlockPool blocks;
  http::Head head;
  RequestBuilder builder;
  std::optional<Result<http::RequestInfo, http::Refusal>> info;
};

test::FieldLines get_with(const test::FieldLines& more) {
  test::FieldLines fields = test::get();
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

/// As get, with another value of one pseudo-field; empty: without it.
test::FieldLines get_but(const std::string& name, const std::string& value) {
  test::FieldLines fields;
  for (const auto& field : test::get()) {
    if (field.first != name) fields.push_back(field);
  }
  if (!value.empty()) fields.emplace_back(name, value);
  return fields;
}

TEST(RequestBuilderTest, ARequestBecomesAHeadOfHttp1) {
  const Built built(get_with({{"accept", "*/*"}, {"x-a", ""}}));
  EXPECT_EQ(built.text(), "GET / HTTP/1.1\r\nhost: a\r\naccept: */*\r\nx-a: \r\n\r\n");
  ASSERT_EQ(built.verdict(), "");
  EXPECT_EQ((*built.info)->host, "a");
  EXPECT_EQ((*built.info)->path, "/");
  EXPECT_EQ((*built.info)->body.length, http::BodyLength::none);
  EXPECT_EQ(built.head.major, 2);
  EXPECT_TRUE((*built.info)->idempotent);
}

TEST(RequestBuilderTest, CrumbsOfCookiesAreOneField) {
  const Built built(get_with({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
  EXPECT_THAT(built.text(), HasSubstr("\r\ncookie: a=1; b=2\r\n"));
  EXPECT_EQ(built.head.value(*built.head.find(http::FieldName::cookie)), "a=1; b=2");
  const Built empty(
      get_with({{"cookie", "a=1"}, {"cookie", ""}, {"cookie", "b=2"}, {"cookie", ""}}));
  EXPECT_EQ(empty.head.value(*empty.head.find(http::FieldName::cookie)), "a=1; b=2");
}

TEST(RequestBuilderTest, TheBodyIsAsTheHeadAndTheStreamSay) {
  const auto body = [](const test::FieldLines& more, End end) {
    const Built built(get_with(more), end);
    EXPECT_EQ(built.verdict(), "");
    return (*built.info)->body;
  };
  EXPECT_EQ(body({}, End::no).length, http::BodyLength::unknown);
  EXPECT_EQ(body({{"content-length", "5"}}, End::no).bytes, 5U);
  EXPECT_EQ(body({{"content-length", "0"}}, End::no).length, http::BodyLength::none);
  EXPECT_EQ(body({{"content-length", "0"}}, End::yes).length, http::BodyLength::none);
  EXPECT_EQ(Built(get_with({{"content-length", "5"}})).verdict(),
            "400 a Content-Length without a body");
  EXPECT_EQ(Built(get_with({{"content-length", "5"}, {"content-length", "5"}}), End::no).verdict(),
            "400 more than one Content-Length");
}

TEST(RequestBuilderTest, PseudoFieldsThatAreRefused) {
  const std::vector<test::FieldLines> bad{
      get_but(":method", ""),
      get_but(":method", "FOO"),
      get_but(":method", "GET /x HTTP/1.1\r\nHost: b\r\n\r\nGET"),
      get_but(":method", "get"),
      get_but(":scheme", ""),
      get_but(":scheme", "ftp"),
      get_but(":path", ""),
      get_but(":path", "x"),
      get_but(":path", "http://a/x"),
      get_but(":path", "*"),
      get_but(":path", "/a b"),
      get_but(":path", "/a#b"),
      get_but(":path", "/a\r\nx: y"),
      get_but(":path", "/\xc3\xa9"),
      get_but(":authority", ""),
      get_but(":authority", "user@a"),
      get_but(":authority", "a:99999"),
      get_but(":authority", "a b"),
      get_but(":authority", "a\r\nb"),
      get_with({{":path", "/"}}),
      get_with({{":unknown", "x"}}),
      get_with({{"x", "y"}, {":authority", "a"}}),
      get_with({{":protocol", "websocket"}}),
      get_with({{"host", "b"}}),
  };
  for (const test::FieldLines& fields : bad) {
    const Built built(fields);
    EXPECT_THAT(built.verdict(), StartsWith("400 "))
        << fields.back().first << ": " << fields.back().second;
  }
  EXPECT_EQ(Built(get_with({{"host", "A"}})).verdict(), "") << "hosts have no case";
  EXPECT_EQ(Built(get_but(":method", "CONNECT")).verdict(), "405 CONNECT is not served here");
  EXPECT_EQ(Built(get_but(":method", "TRACE")).verdict(), "405 TRACE is not served here");
}

TEST(RequestBuilderTest, FieldsThatAreRefused) {
  const test::FieldLines bad{{"Upper", "x"},
                             {"", "x"},
                             {"a b", "x"},
                             {"a:b", "x"},
                             {"a\nb", "x"},
                             {"x", "a\r\nb: c"},
                             {"x", std::string("a\0b", 3)},
                             {"x", " a"},
                             {"x", "a\t"},
                             {"x", "a\x7f"},
                             {"connection", "close"},
                             {"keep-alive", "5"},
                             {"proxy-connection", "close"},
                             {"transfer-encoding", "chunked"},
                             {"upgrade", "websocket"},
                             {"te", "gzip"},
                             {"content-length", "+5"}};
  for (const auto& field : bad) {
    const Built built(get_with({field}), End::no);
    EXPECT_THAT(built.verdict(), StartsWith("400 ")) << field.first << ": " << field.second;
  }
  EXPECT_EQ(Built(get_with({{"te", "trailers"}})).verdict(), "");
  EXPECT_EQ(Built(get_with({{"expect", "x"}})).verdict(),
            "417 an expectation other than 100-continue");
}

TEST(RequestBuilderTest, NamesThatApplicationsMistakeAreAsWithHttp1) {
  using http::UnderscoreNames;
  const auto built = [](UnderscoreNames names) {
    http::HeadLimits limits;
    limits.underscore_names = names;
    return Built(get_with({{"x_forwarded_for", "192.0.2.1"}}), End::yes, limits);
  };
  EXPECT_EQ(built(UnderscoreNames::drop).head.fields.size(), 1U);
  EXPECT_EQ(built(UnderscoreNames::pass).head.fields.back().id, http::FieldName::client_info_field);
  EXPECT_THAT(built(UnderscoreNames::refuse).verdict(), StartsWith("400 "));
}

TEST(RequestBuilderTest, LimitsOfTheHead) {
  http::HeadLimits limits;
  limits.bytes = 200;
  limits.fields = 3;
  const std::string text(150, 'x');
  EXPECT_EQ(Built(get_with({{"a", text}}), End::yes, limits).verdict(), "");
  EXPECT_EQ(Built(get_with({{"a", text}, {"b", text}}), End::yes, limits).verdict(),
            "431 a head that is too large");
  EXPECT_EQ(Built(get_with({{"cookie", text}, {"cookie", text}}), End::yes, limits).verdict(),
            "431 a head that is too large");
  EXPECT_EQ(Built(get_but(":path", "/" + text + text), End::yes, limits).verdict(),
            "414 a target that is too long");
  EXPECT_EQ(
      Built(get_with({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}), End::yes, limits).verdict(),
      "431 too many header fields");
}

TEST(RequestBuilderTest, ARefusedHeadShowsWhatItWasForTheLog) {
  const Built built(get_with({{"Upper", "x"}}));
  EXPECT_EQ(built.head.text(built.head.method), "GET");
  EXPECT_EQ(built.head.text(built.head.target), "/");
  const Built without_path(get_but(":path", ""));
  EXPECT_EQ(without_path.head.text(without_path.head.method), "GET");
  EXPECT_EQ(without_path.head.text(without_path.head.target), "");
}

TEST(RequestBuilderTest, AnExtendedConnectIsAnUpgradeAtTheNode) {
  test::FieldLines fields = get_but(":method", "CONNECT");
  fields.insert(fields.begin(), {":protocol", "websocket"});
  fields.emplace_back("sec-websocket-version", "13");
  const Built built(fields, End::no);
  ASSERT_EQ(built.verdict(), "");
  EXPECT_THAT(built.text(), StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(built.text(), HasSubstr("\r\nsec-websocket-key: KEY\r\n"));
  EXPECT_EQ((*built.info)->upgrade, "websocket");
  EXPECT_EQ((*built.info)->switching, http::RequestInfo::Switch::required);
  EXPECT_EQ((*built.info)->body.length, http::BodyLength::none);
  fields[0].second = "web socket";
  EXPECT_THAT(Built(fields, End::no).verdict(), StartsWith("400 "));
}

TEST(RequestBuilderTest, OneAfterTheOther) {
  BlockPool blocks;
  RequestBuilder builder;
  http::Head first;
  http::Head second;
  builder.start({}, first);
  builder.add("Bad", "x");
  EXPECT_FALSE(builder.finish(End::yes, blocks, ""));
  builder.start({}, second);
  for (const auto& [name, value] : test::get("/second")) builder.add(name, value);
  EXPECT_TRUE(builder.finish(End::yes, blocks, ""));
  EXPECT_EQ(second.text(second.target), "/second");
}

TEST(TrailerBuilderTest, OnlySomeMayBeForwarded) {
  TrailerBuilder trailers;
  trailers.add({}, "x-sum", "1");
  trailers.add({}, "content-length", "5");
  trailers.add({}, "x_a", "dropped");
  EXPECT_FALSE(trailers.refusal());
  EXPECT_EQ(trailers.lines(), "x-sum: 1\r\n");
  trailers.add({}, "x", "a\nb");
  ASSERT_TRUE(trailers.refusal());
  EXPECT_EQ(trailers.refusal()->status, 400);
}

}  // namespace
}  // namespace bonedry::http2
