#include "proxy/http/head.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

using test::ParsedRequest;

TEST(FieldNameTest, KnownNamesAreKnownInAnyCase) {
  EXPECT_EQ(field_name("host"), FieldName::host);
  EXPECT_EQ(field_name("Host"), FieldName::host);
  EXPECT_EQ(field_name("HOST"), FieldName::host);
  EXPECT_EQ(field_name("hOsT"), FieldName::host);
}

TEST(FieldNameTest, EveryNameOfTheTableIsFound) {
  const std::vector<std::pair<std::string_view, FieldName>> all{
      {"Connection", FieldName::connection},
      {"Content-Length", FieldName::content_length},
      {"Cookie", FieldName::cookie},
      {"Date", FieldName::date},
      {"Expect", FieldName::expect},
      {"Forwarded", FieldName::forwarded},
      {"Host", FieldName::host},
      {"Keep-Alive", FieldName::keep_alive},
      {"Proxy-Authenticate", FieldName::proxy_authenticate},
      {"Proxy-Connection", FieldName::proxy_connection},
      {"Set-Cookie", FieldName::set_cookie},
      {"TE", FieldName::te},
      {"Trailer", FieldName::trailer},
      {"Transfer-Encoding", FieldName::transfer_encoding},
      {"Upgrade", FieldName::upgrade},
      {"Via", FieldName::via},
      {"X-Forwarded-For", FieldName::x_forwarded_for},
      {"X-Forwarded-Host", FieldName::x_forwarded_host},
      {"X-Forwarded-Proto", FieldName::x_forwarded_proto}};
  for (const auto& [text, id] : all) EXPECT_EQ(field_name(text), id) << text;
}

TEST(FieldNameTest, WhatClientsSayOfThemselvesIsKnown) {
  for (const char* name : {"X-Real-IP",
                           "X-Real-Port",
                           "X-Client-IP",
                           "Client-IP",
                           "True-Client-IP",
                           "X-Remote-IP",
                           "X-Remote-Addr",
                           "X-Originating-IP",
                           "CF-Connecting-IP",
                           "CF-Connecting-IPv6",
                           "Fastly-Client-IP",
                           "X-Cluster-Client-IP",
                           "X-Azure-ClientIP",
                           "Proxy-Client-IP",
                           "WL-Proxy-Client-IP",
                           "X-Envoy-External-Address",
                           "X-Forwarded",
                           "Forwarded-For",
                           "X-Scheme",
                           "X-Url-Scheme",
                           "Front-End-Https",
                           "X-Rewrite-URL",
                           "Client-Cert",
                           "Client-Cert-Chain",
                           "X-Client-Cert",
                           "SSL-Client-Verify",
                           "X-SSL-Client-Cert",
                           "Client-Certificate",
                           "X-ClientCert",
                           "X-Client-Certificate",
                           "CF-Client-Cert-Der-Base64",
                           "X-Goog-Client-Cert-Present"}) {
    EXPECT_EQ(field_name(name), FieldName::client_info_field) << name;
  }
}

TEST(FieldNameTest, AnythingMayFollowTheBeginningOfAClaim) {
  for (const char* name :
       {"X-Forwarded-Port", "x-forwarded-server", "X-FORWARDED-CLIENT-CERT", "X-Forwarded-Ssl",
        "X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Forwarded-Prefix", "X-Forwarded-By",
        "X-Forwarded-For-Original", "X-Forwarded-", "X-Forwarded-User_Name", "X-Original-URL",
        "X-Original-Host", "x-original-forwarded-for", "X-Original-",
        "X-Forwarded-A-Name-That-Is-Longer-Than-Any-Of-The-Table"}) {
    EXPECT_EQ(field_name(name), FieldName::client_info_field) << name;
  }
  for (const char* name : {"X-Forwarde", "X-Original", "X-Originals", "Y-Forwarded-Port",
                           "XX-Forwarded-Port", "X_Forwarded_Port", "SSL-Client", "Sec-Fetch-Site",
                           "X-Requested-With", "X-Real", "Client"}) {
    EXPECT_EQ(field_name(name), FieldName::other) << name;
  }
}

TEST(FieldNameTest, WhatProxiesAndProvidersTellOfUsersIsAClaim) {
  for (const char* name : {"Remote-User",
                           "X-Remote-User",
                           "X-WebAuth-User",
                           "X-Authenticated-User",
                           "X-Auth-Request-User",
                           "X-Auth-Request-Email",
                           "X-Auth-Request-Groups",
                           "X-Auth-Request-Preferred-Username",
                           "X-Forwarded-User",
                           "X-Forwarded-Email",
                           "X-Forwarded-Groups",
                           "X-Forwarded-Preferred-Username",
                           "X-Amzn-Oidc-Identity",
                           "X-MS-Client-Principal",
                           "X-MS-Client-Principal-Name",
                           "X-Remote-Extra-Scopes",
                           "CF-Access-Authenticated-User-Email",
                           "X-Goog-Authenticated-User-Email",
                           "X-SSL-Cert",
                           "X-SSL-Client-Cert",
                           "X-ARR-ClientCert",
                           "X-Amzn-Mtls-Clientcert",
                           "X-Amzn-Mtls-Clientcert-Subject",
                           "X-TLS-Client-Cert",
                           "X-Client-DN",
                           "X-Client-Verify",
                           "Fly-Client-IP",
                           "Http-Client-Ip",
                           "X-Azure-SocketIP",
                           "X-Vercel-Forwarded-For",
                           "CloudFront-Viewer-Address",
                           "X-ProxyUser-Ip",
                           "Incap-Client-IP",
                           "X-Appengine-User-IP",
                           "X-Host",
                           "X-HTTP-Host-Override",
                           "X-Override-URL",
                           "X-Envoy-Original-Path",
                           "X-HTTPS",
                           "HTTPS",
                           "X-ARR-SSL",
                           "CloudFront-Forwarded-Proto",
                           "Cf-Visitor",
                           "WL-Proxy-SSL",
                           "x-arr-ssl",
                           "X-AUTH-REQUEST-USER",
                           "https"}) {
    EXPECT_EQ(field_name(name), FieldName::client_info_field) << name;
  }
  for (const char* name : {"X-Client-Version", "X-Client-Data", "X-Hosts", "HTTP", "X-User",
                           "X-Auth-Token", "X-Amzn-Trace-Id", "X-Envoy-Retry-On", "X-Arr",
                           "Remote-Users", "Authorization", "X-Request-Ids", "X-TLS"}) {
    EXPECT_EQ(field_name(name), FieldName::other) << name;
  }
}

TEST(FieldNameTest, WhatOnlyResemblesIsOther) {
  for (const char* name : {"", "hos", "hostx", "xhost", "content_length", "Content-Lengths", "t",
                           "tea", "Accept", "x-a-name-that-is-longer-than-any"}) {
    EXPECT_EQ(field_name(name), FieldName::other) << name;
  }
}

TEST(TextTest, CasesAreIgnoredInLettersOnly) {
  EXPECT_TRUE(equal_ignoring_case("Keep-Alive", "kEEP-aLIVE"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("close", "closed"));
  EXPECT_FALSE(equal_ignoring_case("@", "`")) << "32 apart, but no letters";
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(TextTest, ListsAreReadWithoutBlanksAndEmptyElements) {
  const auto elements = [](std::string_view value) {
    std::vector<std::string_view> found;
    each_element(value, [&found](std::string_view element) { found.push_back(element); });
    return found;
  };
  using Elements = std::vector<std::string_view>;
  EXPECT_EQ(elements("close"), Elements{"close"});
  EXPECT_EQ(elements("a, b ,\tc"), (Elements{"a", "b", "c"}));
  EXPECT_EQ(elements(",a,, ,b,"), (Elements{"a", "b"}));
  EXPECT_EQ(elements(""), Elements{});
  EXPECT_EQ(elements(" , "), Elements{});
}

TEST(HeadTest, TheFirstFieldOfANameIsFound) {
  const ParsedRequest request("GET / HTTP/1.1\r\nA: 1\r\nhost: one\r\nHost: two\r\n\r\n");
  const Field* const host = request.head.find(FieldName::host);
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(request.head.value(*host), "one");
  EXPECT_EQ(request.head.find(FieldName::cookie), nullptr);
}

TEST(HeadTest, AClearedHeadIsAsGoodAsNew) {
  ParsedRequest request("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(request.head.http_1_0());
  request.head.clear();
  EXPECT_FALSE(request.head.block);
  EXPECT_EQ(request.head.size, 0U);
  EXPECT_TRUE(request.head.fields.empty());
  EXPECT_FALSE(request.head.http_1_0());
  EXPECT_EQ(request.head.text(request.head.method), "");
}

TEST(UnderscoreTest, NamesThatCgiTakesForOthersAreKnown) {
  for (const char* name :
       {"", "a", "X-User", "x-user-9", "Accept-Encoding", "X-123456789-zZaA09"}) {
    EXPECT_FALSE(has_cgi_ambiguous_char(name)) << name;
  }
  const std::string odd = "!#$%&'*+.^_`|~";
  const std::string frame = "aZ-09xA-zZ";
  for (const char c : odd) {
    for (std::size_t size = 0; size <= 2 * frame.size(); ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        std::string name = (frame + frame).substr(0, size);
        ASSERT_FALSE(has_cgi_ambiguous_char(name)) << name;
        name.insert(at, 1, c);
        ASSERT_TRUE(has_cgi_ambiguous_char(name)) << name;
      }
    }
  }
}

TEST(UnderscoreTest, EveryCharacterOfATokenIsJudgedAlikeInShortAndLongNames) {
  for (char c = '!'; c < 0x7f; ++c) {
    if (std::string_view("\"(),/:;<=>?@[\\]{}").find(c) != std::string_view::npos) continue;
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    EXPECT_EQ(has_cgi_ambiguous_char(std::string(1, c)), !plain && c != '-') << c;
    EXPECT_EQ(has_cgi_ambiguous_char(std::string(8, c)), !plain && c != '-') << c;
  }
}

}  // namespace
}  // namespace bonedry::http
