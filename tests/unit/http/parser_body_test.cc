#include "proxy/http/parser.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::http {
namespace {

const std::string kHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Parses the body of one message, however it is split into reads.
class BodyTest : public testing::Test {
 protected:
  void expect(Framing framing) {
    head.clear();
    parser.start();
    ASSERT_EQ(parser.parse_head(kHead.data(), kHead.size(), limits, head), ParseStatus::complete);
    parser.expect_body(framing);
    body.clear();
  }
  void expect_chunked() { expect({FramingKind::chunked, 0}); }

  /// One read; returns its parse status. Bytes after the body end up in `rest`.
  ParseStatus feed(std::string text) {
    std::size_t used = 0;
    const ParseStatus status = parser.parse_body(text.data(), text.size(), pieces, used);
    if (status == ParseStatus::failed) return status;
    std::size_t bytes = 0;
    for (const Span& piece : pieces.all()) {
      body += text.substr(piece.at, piece.size);
      bytes += piece.size;
    }
    EXPECT_EQ(bytes, pieces.bytes);
    EXPECT_LE(used, text.size());
    rest = text.substr(used);
    if (status == ParseStatus::more) {
      EXPECT_EQ(rest, "") << "more is wanted, so all is used";
    }
    return status;
  }

  HeadLimits limits;
  Parser parser{Parser::Kind::request};
  Head head;
  BodyPieces pieces;
  std::string body;
  std::string rest;
};

std::string chunk(std::string_view data) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (std::size_t left = data.size(); left != 0; left /= 16) {
    size.insert(size.begin(), kDigits[left % 16]);
  }
  return size + "\r\n" + std::string(data) + "\r\n";
}

TEST_F(BodyTest, NoBodyIsCompleteAtOnceAndTakesNothing) {
  expect({FramingKind::none, 0});
  EXPECT_EQ(feed("GET /next"), ParseStatus::complete);
  EXPECT_EQ(body, "");
  EXPECT_EQ(rest, "GET /next");
  EXPECT_FALSE(parser.ends_at_close());
}

TEST_F(BodyTest, ALengthIsCountedAndWhatFollowsIsTheNext) {
  expect({FramingKind::length, 10});
  EXPECT_EQ(feed("12345"), ParseStatus::more);
  EXPECT_EQ(feed(""), ParseStatus::more);
  EXPECT_EQ(feed("67890GET /next"), ParseStatus::complete);
  EXPECT_EQ(body, "1234567890");
  EXPECT_EQ(rest, "GET /next");
  EXPECT_FALSE(parser.ends_at_close()) << "a close before the end is a cut";
}

TEST_F(BodyTest, ALengthMayBeBeyondAnyBuffer) {
  expect({FramingKind::length, (std::uint64_t{1} << 63U) - 1});
  EXPECT_EQ(feed(std::string(100'000, 'x')), ParseStatus::more);
  EXPECT_EQ(body.size(), 100'000U);
  EXPECT_EQ(pieces.count, 1U);
}

TEST_F(BodyTest, UntilCloseNeverEndsByItself) {
  expect({FramingKind::until_close, 0});
  EXPECT_EQ(feed("all "), ParseStatus::more);
  EXPECT_EQ(feed("of it"), ParseStatus::more);
  EXPECT_EQ(body, "all of it");
  EXPECT_TRUE(parser.ends_at_close());
}

TEST_F(BodyTest, ChunksAreJoinedToTheBodyThatTheyCarry) {
  expect_chunked();
  EXPECT_EQ(feed(chunk("Hello") + chunk(", ") + chunk("world") + "0\r\n\r\nGET /next"),
            ParseStatus::complete);
  EXPECT_EQ(body, "Hello, world");
  EXPECT_EQ(rest, "GET /next");
  EXPECT_EQ(parser.trailers(), "");
  EXPECT_FALSE(parser.ends_at_close());
}

TEST_F(BodyTest, AnEmptyChunkedBodyIsABody) {
  expect_chunked();
  EXPECT_EQ(feed("0\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(body, "");
  EXPECT_EQ(rest, "");
}

TEST_F(BodyTest, CutAtAnyByteItIsTheSameBody) {
  const std::string text = "5;ext=1\r\nHello\r\n" + chunk(std::string(600, 'x')) +
                           "A\r\n0123456789\r\n000\r\nX-Sum: 17\r\nX-More: yes\r\n\r\n";
  const std::string wanted = "Hello" + std::string(600, 'x') + "0123456789";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    expect_chunked();
    ASSERT_EQ(feed(text.substr(0, cut)), ParseStatus::more) << cut;
    ASSERT_EQ(feed(text.substr(cut) + "next"), ParseStatus::complete) << cut;
    ASSERT_EQ(body, wanted) << cut;
    ASSERT_EQ(rest, "next") << cut;
    ASSERT_EQ(parser.trailers(), "X-Sum: 17\r\nX-More: yes\r\n") << cut;
  }
}

TEST_F(BodyTest, OneByteAtATimeItIsTheSameBody) {
  expect_chunked();
  const std::string text = chunk("Hello") + chunk(", world") + "0\r\nX-Sum: 17\r\n\r\n";
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    ASSERT_EQ(feed(text.substr(i, 1)), ParseStatus::more) << i;
  }
  EXPECT_EQ(feed(text.substr(text.size() - 1)), ParseStatus::complete);
  EXPECT_EQ(body, "Hello, world");
  EXPECT_EQ(parser.trailers(), "X-Sum: 17\r\n");
}

TEST_F(BodyTest, TinyPiecesAreMovedTogether) {
  expect_chunked();
  std::string text;
  std::string wanted;
  for (int i = 0; i < 1000; ++i) {
    const std::string data = std::to_string(i);
    text += chunk(data);
    wanted += data;
  }
  EXPECT_EQ(feed(text), ParseStatus::more);
  EXPECT_EQ(body, wanted);
  EXPECT_EQ(pieces.count, 1U);
}

TEST_F(BodyTest, LargePiecesAreLeftWhereTheyAre) {
  expect_chunked();
  const std::string large(2000, 'x');
  EXPECT_EQ(feed(chunk(large) + chunk(large) + chunk(large)), ParseStatus::more);
  EXPECT_EQ(pieces.count, 3U);
  EXPECT_EQ(body.size(), 6000U);
}

TEST_F(BodyTest, ATinyPieceJoinsTheLargeOneBeforeIt) {
  expect_chunked();
  EXPECT_EQ(feed(chunk(std::string(2000, 'x')) + chunk("tiny") + chunk(std::string(2000, 'y'))),
            ParseStatus::more);
  EXPECT_EQ(pieces.count, 2U);
  EXPECT_EQ(body, std::string(2000, 'x') + "tiny" + std::string(2000, 'y'));
}

TEST_F(BodyTest, ThereAreNeverMorePiecesThanTheMost) {
  expect_chunked();
  std::string text;
  std::string wanted;
  for (std::size_t i = 0; i < 3 * BodyPieces::kMax; ++i) {
    const std::string data(600 + i, static_cast<char>('a' + i % 26));
    text += chunk(data);
    wanted += data;
  }
  EXPECT_EQ(feed(text), ParseStatus::more);
  EXPECT_EQ(pieces.count, BodyPieces::kMax);
  EXPECT_EQ(body, wanted);
}

TEST_F(BodyTest, OnlyHarmlessTrailersGoOn) {
  expect_chunked();
  EXPECT_EQ(feed("0\r\nX-Checksum: 17\r\nHost: evil\r\nAuthorization: x\r\nSet-Cookie: a=b\r\n"
                 "Cookie: a=b\r\nConnection: close\r\nCache-Control: no-store\r\n"
                 "Content-Type: text/html\r\nServer-Timing: db;dur=5\r\n\r\nnext"),
            ParseStatus::complete);
  EXPECT_EQ(parser.trailers(), "X-Checksum: 17\r\nServer-Timing: db;dur=5\r\n");
  EXPECT_EQ(rest, "next");
}

TEST_F(BodyTest, ATrailerCannotChangeTheFraming) {
  for (const char* trailer : {"Content-Length: 5", "Transfer-Encoding: chunked",
                              "Transfer-Encoding: identity", "Upgrade: h2c"}) {
    expect_chunked();
    const ParseStatus status =
        feed("0\r\n" + std::string(trailer) + "\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
    EXPECT_EQ(body, "") << trailer;
    if (status == ParseStatus::failed) continue;  // rejecting it is as good as dropping it
    EXPECT_EQ(status, ParseStatus::complete) << trailer;
    EXPECT_EQ(parser.trailers(), "") << trailer;
    EXPECT_EQ(rest, "5\r\nabcde\r\n0\r\n\r\n") << trailer;
  }
}

TEST_F(BodyTest, TrailersOfAnyShapeComeOutCanonical) {
  expect_chunked();
  EXPECT_EQ(feed("0\r\nX-A:   padded  \r\nX-B:\r\nX-C:c\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(parser.trailers(), "X-A: padded\r\nX-B: \r\nX-C: c\r\n");
}

TEST_F(BodyTest, TrailersAreBoundedLikeAHead) {
  limits.bytes = 1000;
  expect_chunked();
  ASSERT_EQ(feed("0\r\nX: "), ParseStatus::more);
  ParseStatus status = ParseStatus::more;
  for (int i = 0; i < 20 && status == ParseStatus::more; ++i) status = feed(std::string(100, 'x'));
  EXPECT_EQ(status, ParseStatus::failed);
  EXPECT_EQ(parser.refusal().status, 431);
}

TEST_F(BodyTest, ManyTrailersAreBoundedToo) {
  limits.bytes = 1000;
  expect_chunked();
  ASSERT_EQ(feed("0\r\n"), ParseStatus::more);
  ParseStatus status = ParseStatus::more;
  for (int i = 0; i < 2000 && status == ParseStatus::more; ++i) status = feed("A: b\r\n");
  EXPECT_EQ(status, ParseStatus::failed);
}

TEST_F(BodyTest, TrailersOfOneMessageAreNotThoseOfTheNext) {
  expect_chunked();
  ASSERT_EQ(feed("0\r\nX-Old: 1\r\n\r\n"), ParseStatus::complete);
  expect_chunked();
  EXPECT_EQ(parser.trailers(), "");
  ASSERT_EQ(feed("0\r\nX-New: 2\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(parser.trailers(), "X-New: 2\r\n");
}

TEST_F(BodyTest, AMessageThatBreaksOffInItsTrailersLeavesNothingBehind) {
  expect_chunked();
  ASSERT_EQ(feed("0\r\nX-Half"), ParseStatus::more);
  expect_chunked();
  ASSERT_EQ(feed("0\r\nX-New: 2\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(parser.trailers(), "X-New: 2\r\n");
}

TEST_F(BodyTest, MalformedChunksAreRefused) {
  for (const char* text : {
           "x\r\n",        // not a number
           "-1\r\nx\r\n",  // a sign
           "+1\r\nx\r\n",
           "0x1\r\nx\r\n",  // a 0x prefix
           " 1\r\nx\r\n",   // a space
           "1 \r\nx\r\n",
           "1 ;a\r\nx\r\n",
           "1\nx\r\n",  // bare line feeds
           "1\r\nx\n0\r\n\r\n",
           "1\rxx",                   // any byte after a CR
           "1\r\nxx\r\n",             // more data than announced
           "1\r\nx0\r\n\r\n",         // no line end after the data
           "1\r\nxAB0\r\n\r\n",       // two other bytes instead of the line end
           "1\r\nx\r\n\r\n",          // an empty line instead of a chunk size
           "5\r\nab\r\n0\r\n\r\nxx",  // less data than announced
           "10000000000000000\r\nx",  // 2^64
           "FFFFFFFFFFFFFFFFF\r\nx",
           "0\r\nX : y\r\n\r\n",  // a space before a trailer's colon
           "0\r\n\rx",
           "0\r\nX: y\r\n z\r\n\r\n",  // a folded trailer
           "0\nX: y\r\n\r\n",
           ";ext\r\nx\r\n",
           "\r\n1\r\nx\r\n",
       }) {
    expect_chunked();
    EXPECT_EQ(feed(text), ParseStatus::failed) << text;
    EXPECT_EQ(parser.refusal().status, 400) << text;
  }
}

TEST_F(BodyTest, ChunkSizesMayBeInAnyCaseAndHaveZeroesInFront) {
  expect_chunked();
  EXPECT_EQ(feed("00a\r\n0123456789\r\nB\r\n0123456789x\r\n0000\r\n\r\n"), ParseStatus::complete);
  EXPECT_EQ(body, "01234567890123456789x");
}

TEST_F(BodyTest, ExtensionsAreDropped) {
  expect_chunked();
  EXPECT_EQ(feed("1;a\r\nx\r\n1;a=b\r\ny\r\n1;a=\"q;\\\"\"\r\nz\r\n0;last\r\n\r\n"),
            ParseStatus::complete);
  EXPECT_EQ(body, "xyz");
}

TEST_F(BodyTest, AnUpgradeThatNobodyGrantsDoesNotEndTheBody) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  ASSERT_EQ(parser.parse_head(text.data(), text.size(), limits, head), ParseStatus::complete);
  parser.expect_body({FramingKind::chunked, 0});
  EXPECT_EQ(feed(chunk("data") + "0\r\n\r\nnext"), ParseStatus::complete);
  EXPECT_EQ(body, "data");
  EXPECT_EQ(rest, "next");
}

TEST_F(BodyTest, AResponsesChunksAreReadLikeARequests) {
  Parser response(Parser::Kind::response);
  const std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  Head its_head;
  ASSERT_EQ(response.parse_head(text.data(), text.size(), limits, its_head), ParseStatus::complete);
  response.expect_body({FramingKind::chunked, 0});
  std::string data = chunk("Hello") + "0\r\n\r\nHTTP/1.1";
  std::size_t used = 0;
  EXPECT_EQ(response.parse_body(data.data(), data.size(), pieces, used), ParseStatus::complete);
  EXPECT_EQ(data.substr(pieces.pieces[0].at, pieces.pieces[0].size), "Hello");
  EXPECT_EQ(data.substr(used), "HTTP/1.1");
}

TEST_F(BodyTest, ManyMessagesOnOneConnectionAreReadEachByItsOwnFraming) {
  for (int i = 0; i < 50; ++i) {
    expect({FramingKind::length, 3});
    ASSERT_EQ(feed("abcnext"), ParseStatus::complete);
    ASSERT_EQ(body, "abc");
    expect_chunked();
    ASSERT_EQ(feed(chunk("def") + "0\r\n\r\nnext"), ParseStatus::complete);
    ASSERT_EQ(body, "def");
    ASSERT_EQ(rest, "next");
    expect({FramingKind::none, 0});
    ASSERT_EQ(feed("next"), ParseStatus::complete);
  }
}

}  // namespace
}  // namespace bonedry::http
