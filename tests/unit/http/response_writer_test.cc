#include "proxy/http/head_writer.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <array>
#include <string>
#include <string_view>

namespace bonedry::http {
namespace {

using test::has_line;
using test::ParsedResponse;
using test::text_of;

std::string written_response(std::string_view text, const ResponseWriteOptions& options = {}) {
  const ParsedResponse response(text);
  EXPECT_EQ(response.refusal(), "");
  BlockPool pool;
  SliceQueue queue;
  write_response_head(response.head, options, {queue, pool});
  return text_of(queue);
}

TEST(ResponseWriterTest, AResponseGoesOnWithOurNameOnIt) {
  EXPECT_EQ(written_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\nVia: 1.1 bonedry\r\n\r\n");
}

TEST(ResponseWriterTest, Http10OfANodeBecomesHttp11) {
  EXPECT_EQ(written_response("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n").substr(0, 24),
            "HTTP/1.1 404 Not Found\r\n");
}

TEST(ResponseWriterTest, AMissingReasonStaysMissing) {
  EXPECT_EQ(written_response("HTTP/1.1 200\r\nA: b\r\n\r\n"),
            "HTTP/1.1 200 \r\nA: b\r\nVia: 1.1 bonedry\r\n\r\n");
}

TEST(ResponseWriterTest, FieldsAreTheOriginalBytesAndOddOnesAreWrittenAnew) {
  const std::string run =
      "HTTP/1.1 200 OK\r\nA: b\r\nC: " + std::string(SliceQueue::kCopied, 'd') + "\r\n";
  const std::string text = run + "odd:   e  \r\nF:\r\n\r\n";
  const ParsedResponse response(text);
  BlockPool pool;
  SliceQueue queue;
  write_response_head(response.head, {}, {queue, pool});
  std::array<iovec, 32> vectors{};
  const std::size_t count = queue.gather(vectors);
  ASSERT_EQ(count, 2U);
  EXPECT_EQ(vectors[0].iov_base, response.head.base);
  EXPECT_EQ(vectors[0].iov_len, run.size());
  EXPECT_TRUE(has_line(text_of(queue), "odd: e"));
  EXPECT_TRUE(has_line(text_of(queue), "F: "));
}

TEST(ResponseWriterTest, OddStatusLinesBecomeOrdinaryOnes) {
  EXPECT_TRUE(
      written_response("HTTP/1.0 404 Not Found\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(written_response("HTTP/1.1 200\r\n\r\n").starts_with("HTTP/1.1 200 \r\n"));
  EXPECT_TRUE(
      written_response("HTTP/1.1 200 \r\nA: b\r\n\r\n").starts_with("HTTP/1.1 200 \r\nA: b\r\n"));
}

TEST(ResponseWriterTest, FieldsOfTheNodesHopDoNotGoOn) {
  const std::string text = written_response(
      "HTTP/1.1 200 OK\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\n"
      "Transfer-Encoding: chunked\r\nUpgrade: h2c\r\nX-Public: 1\r\n\r\n");
  for (const char* name : {"Connection", "X-Private", "Keep-Alive", "Transfer", "Upgrade"}) {
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  }
  EXPECT_TRUE(has_line(text, "X-Public: 1"));
}

TEST(ResponseWriterTest, TheFramingIsThatOfThisHop) {
  ResponseWriteOptions chunked;
  chunked.framing = FramingKind::chunked;
  EXPECT_TRUE(has_line(written_response("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", chunked),
                       "Transfer-Encoding: chunked"));
  ResponseWriteOptions until_close;
  until_close.framing = FramingKind::until_close;
  until_close.persistence = Persistence::close;
  const std::string old =
      written_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", until_close);
  EXPECT_EQ(old.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(has_line(old, "Connection: close"));
}

TEST(ResponseWriterTest, TheLengthOfWhatHeadDoesNotSendGoesOn) {
  EXPECT_TRUE(has_line(written_response("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"),
                       "Content-Length: 17"));
}

TEST(ResponseWriterTest, OurCookieStandsBesideTheNodes) {
  ResponseWriteOptions options;
  options.set_cookie = "bonedry=v; Path=/; HttpOnly";
  const std::string text = written_response(
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d; Path=/\r\n\r\n", options);
  EXPECT_TRUE(has_line(text, "Set-Cookie: a=b"));
  EXPECT_TRUE(has_line(text, "Set-Cookie: c=d; Path=/"));
  EXPECT_TRUE(has_line(text, "Set-Cookie: bonedry=v; Path=/; HttpOnly"));
}

TEST(ResponseWriterTest, TheIdOfTheRequestReplacesThatOfTheNode) {
  const std::string response = "HTTP/1.1 200 OK\r\nX-Request-ID: node\r\n\r\n";
  EXPECT_TRUE(has_line(written_response(response), "X-Request-ID: node"));
  ResponseWriteOptions options;
  options.request_id = "ours";
  const std::string text = written_response(response, options);
  EXPECT_TRUE(has_line(text, "X-Request-Id: ours"));
  EXPECT_EQ(text.find("node"), std::string::npos);
}

TEST(ResponseWriterTest, SharedCachesDoNotKeepWhatBringsOurCookie) {
  ResponseWriteOptions options;
  options.set_cookie = "bonedry=v";
  const std::string from =
      "HTTP/1.1 200 OK\r\nCache-Control: public, x=\"a, public\", max-age=5\r\n"
      "cache-control: S-MaxAge=9\r\nCDN-Cache-Control: max-age=9\r\n"
      "surrogate-control: max-age=9\r\nX-Accel-Expires: 9\r\nEdge-Control: max-age=9\r\n\r\n";
  EXPECT_TRUE(has_line(written_response(from, options), "CDN-Cache-Control: max-age=9"));
  options.cache = CacheAdvice::make_private;
  const std::string text = written_response(from, options);
  EXPECT_TRUE(has_line(text, "Cache-Control: x=\"a, public\", max-age=5"));
  EXPECT_TRUE(has_line(text, "Cache-Control: private"));
  EXPECT_EQ(text.find("MaxAge"), std::string::npos);
  EXPECT_EQ(text.find("X-Accel"), std::string::npos);
  EXPECT_EQ(text.find("max-age=9"), std::string::npos);
  const std::string spaced = "HTTP/1.1 200 OK\r\nCache-Control: max-age=5 , public\r\n\r\n";
  EXPECT_TRUE(has_line(written_response(spaced, options), "Cache-Control: max-age=5"));
  options.cache = CacheAdvice::no_cache;
  EXPECT_TRUE(has_line(written_response(from, options), "Cache-Control: no-cache"));
  options.set_cookie = {};
  EXPECT_TRUE(has_line(written_response(from, options), "cache-control: S-MaxAge=9"));
}

TEST(ResponseWriterTest, WhetherTheConnectionStaysIsSaidWhenItMustBe) {
  const std::string from = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  ResponseWriteOptions options;
  EXPECT_EQ(written_response(from, options).find("Connection"), std::string::npos);
  options.to_http_1_0 = true;
  EXPECT_TRUE(has_line(written_response(from, options), "Connection: keep-alive"));
  options.persistence = Persistence::close;
  EXPECT_TRUE(has_line(written_response(from, options), "Connection: close"));
  EXPECT_EQ(written_response(from, options).find("keep-alive"), std::string::npos);
  options.to_http_1_0 = false;
  EXPECT_TRUE(has_line(written_response(from, options), "Connection: close"));
}

TEST(ResponseWriterTest, AnInterimResponseGoesOnWithItsFields) {
  const ParsedResponse hints("HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\n\r\n");
  BlockPool pool;
  SliceQueue queue;
  write_interim_head(hints.head, {queue, pool});
  const std::string text = text_of(queue);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 103 Early Hints\r\n")) << text;
  EXPECT_TRUE(has_line(text, "Link: </x.css>; rel=preload"));
  EXPECT_EQ(text.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(text.find("Connection"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST(ResponseWriterTest, WhatIsWrittenReadsAsTheSameResponse) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nodd:x\r\n\r\n"}) {
    const ParsedResponse before(text);
    const std::string out = written_response(text);
    const ParsedResponse after(out);
    ASSERT_EQ(after.verdict(), "") << out;
    EXPECT_EQ(after.head.size, out.size());
    EXPECT_EQ(after.head.status, before.head.status);
    EXPECT_EQ(after.facts().framing.kind, before.facts().framing.kind);
  }
}

TEST(ChunkLineTest, SizesAreWrittenInHex) {
  const auto line = [](std::size_t size) {
    BlockPool pool;
    SliceQueue queue;
    write_chunk_line(size, {queue, pool});
    return text_of(queue);
  };
  EXPECT_EQ(line(1), "1\r\n");
  EXPECT_EQ(line(15), "f\r\n");
  EXPECT_EQ(line(32768), "8000\r\n");
  EXPECT_EQ(line(~std::size_t{0}), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace bonedry::http
