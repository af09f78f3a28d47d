#include "proxy/http/local_response.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::http {
namespace {

using test::has_line;
using test::ParsedResponse;

Http1LocalResponse no_node() {
  Http1LocalResponse reply;
  reply.status = 503;
  reply.text = "no node takes new users";
  reply.fields = "Retry-After: 5\r\n";
  return reply;
}

TEST(LocalReplyTest, ItSaysWhatAndWhyInOneLineOfText) {
  EXPECT_EQ(render(no_node()),
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 49\r\nCache-Control: no-store\r\nRetry-After: 5\r\n"
            "Connection: close\r\n\r\n503 Service Unavailable: no node takes new users\n");
}

TEST(LocalReplyTest, TheAnswerToHeadHasTheSameHeadAndNoBody) {
  Http1LocalResponse reply = no_node();
  const std::string with_body = render(reply);
  reply.request_kind = RequestKind::head;
  EXPECT_EQ(render(reply), with_body.substr(0, with_body.find("\r\n\r\n") + 4));
}

TEST(LocalReplyTest, WhoAskedForAnUpgradeGetsTheBodyToo) {
  Http1LocalResponse reply = no_node();
  const std::string with_body = render(reply);
  reply.request_kind = RequestKind::upgrade;
  EXPECT_EQ(render(reply), with_body);
}

TEST(LocalReplyTest, AConnectionThatStaysIsNotAnnounced) {
  Http1LocalResponse reply = no_node();
  reply.persistence = Persistence::keep_alive;
  EXPECT_EQ(render(reply).find("Connection"), std::string::npos);
}

TEST(LocalReplyTest, ItsContentHasATypeOfItsOwn) {
  Http1LocalResponse reply = no_node();
  reply.content = "octets";
  EXPECT_TRUE(has_line(render(reply), "Content-Type: application/octet-stream"));
  reply.content_type = kPlainText;
  EXPECT_TRUE(has_line(render(reply), "Content-Type: text/plain; charset=utf-8"));
  EXPECT_TRUE(render(reply).ends_with("\r\n\r\noctets"));
}

TEST(LocalReplyTest, ItMayTellBrowsersToUseHttps) {
  Http1LocalResponse reply = no_node();
  reply.hsts = "max-age=31536000";
  EXPECT_TRUE(has_line(render(reply), "Strict-Transport-Security: max-age=31536000"));
}

TEST(LocalReplyTest, EveryAnswerIsAValidResponseWhoseLengthIsRight) {
  for (const int status : {302, 308, 400, 403, 404, 405, 408, 413, 414, 417, 421, 429, 431, 500,
                           501, 502, 503, 504, 505}) {
    Http1LocalResponse reply;
    reply.status = status;
    reply.text = "why";
    const std::string text = render(reply);
    const ParsedResponse parsed(text);
    ASSERT_EQ(parsed.verdict(), "") << status;
    EXPECT_EQ(parsed.head.status, status);
    EXPECT_EQ(parsed.facts().framing.length, text.size() - parsed.head.size) << status;
    EXPECT_EQ(parsed.facts().persistence, Persistence::close);
  }
}

TEST(LocalReplyTest, PhrasesAreThoseOfTheStandard) {
  EXPECT_EQ(reason_phrase(302), "Found");
  EXPECT_EQ(reason_phrase(400), "Bad Request");
  EXPECT_EQ(reason_phrase(403), "Forbidden");
  EXPECT_EQ(reason_phrase(413), "Content Too Large");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(502), "Bad Gateway");
  EXPECT_EQ(reason_phrase(504), "Gateway Timeout");
  EXPECT_EQ(reason_phrase(500), "Internal Server Error");
}

}  // namespace
}  // namespace bonedry::http
