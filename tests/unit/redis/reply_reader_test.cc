#include "proxy/redis/reply_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::redis {
namespace {

using testing::ElementsAre;
using Kind = Reply::Kind;
using Status = ReplyReader::Status;

Reply text(const std::string& value, Kind kind = Kind::text) {
  return {.kind = kind, .text = value};
}
Reply integer(std::int64_t value) {
  return {.kind = Kind::integer, .integer = value};
}

/// All replies in some bytes, which end between two of them.
std::vector<Reply> read_all(ReplyReader& reader) {
  std::vector<Reply> replies;
  Reply reply;
  while (reader.next(reply) == Status::complete) replies.push_back(reply);
  EXPECT_EQ(reader.next(reply), Status::more);
  return replies;
}

Status status_of(const std::string& bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  Reply reply;
  return reader.next(reply);
}

std::string all_kinds() {
  return std::string("+OK\r\n-ERR no\r\n:-12\r\n$5\r\na\r\n") + '\0' +
         "b\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n";
}

void expect_all_kinds(const std::vector<Reply>& replies) {
  const Reply nil;
  const Reply inner{.kind = Kind::array, .elements = {text("x"), nil}};
  EXPECT_THAT(
      replies,
      ElementsAre(
          text("OK", Kind::status), text("ERR no", Kind::error), integer(-12),
          text(std::string("a\r\n\0b", 5)), nil, text(""), nil, Reply{.kind = Kind::array},
          Reply{.kind = Kind::array, .elements = {integer(1), inner, text("y", Kind::status)}}));
}

TEST(ReplyReaderTest, ReadsAllKinds) {
  ReplyReader reader;
  reader.feed(all_kinds());
  expect_all_kinds(read_all(reader));
}

TEST(ReplyReaderTest, ReadsThemInPieces) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (const char byte : all_kinds()) {
    reader.feed({&byte, 1});
    for (const Reply& reply : read_all(reader)) replies.push_back(reply);
  }
  expect_all_kinds(replies);
}

TEST(ReplyReaderTest, HalfAReplyIsNone) {
  EXPECT_EQ(status_of(""), Status::more);
  EXPECT_EQ(status_of("+OK"), Status::more);
  EXPECT_EQ(status_of("$5\r\nabcde\r"), Status::more);
  EXPECT_EQ(status_of("*2\r\n:1\r\n"), Status::more);
}

TEST(ReplyReaderTest, RefusesWhatIsNoReply) {
  EXPECT_EQ(status_of("HTTP/1.1 400 Bad Request\r\n\r\n"), Status::malformed);
  EXPECT_EQ(status_of("220 mail.example ESMTP\r\n"), Status::malformed);
  EXPECT_EQ(status_of(":abc\r\n"), Status::malformed);
  EXPECT_EQ(status_of("$-5\r\n"), Status::malformed);
  EXPECT_EQ(status_of("*-5\r\n"), Status::malformed);
  EXPECT_EQ(status_of("*1\r\n?\r\n"), Status::malformed);
}

TEST(ReplyReaderTest, RefusesTypesOfResp3) {
  for (const char* const reply : {",1.5\r\n", "#t\r\n", "_\r\n", "%1\r\n+a\r\n+b\r\n",
                                  "~1\r\n+a\r\n", ">1\r\n+a\r\n", "(123\r\n", "=5\r\ntxt:a\r\n"}) {
    EXPECT_NE(status_of(reply), Status::complete) << reply;
    EXPECT_NE(status_of("*1\r\n" + std::string(reply)), Status::complete) << reply;
  }
}

TEST(ReplyReaderTest, StaysFailed) {
  ReplyReader reader;
  Reply reply;
  reader.feed("?\r\n");
  EXPECT_EQ(reader.next(reply), Status::malformed);
  reader.feed("+OK\r\n");
  EXPECT_EQ(reader.next(reply), Status::malformed);
}

TEST(ReplyReaderTest, ListsInListsHaveALimit) {
  std::string deep;
  for (int level = 0; level < 6; ++level) deep += "*1\r\n";
  EXPECT_EQ(status_of(deep + ":1\r\n"), Status::complete);
  for (int level = 0; level < 1000; ++level) deep += "*1\r\n";
  EXPECT_EQ(status_of(deep + ":1\r\n"), Status::malformed);
}

TEST(ReplyReaderTest, AnnouncedLengthsTakeNoMemory) {
  EXPECT_EQ(status_of("*2147483647\r\n"), Status::more);
  EXPECT_EQ(status_of("$9223372036854775807\r\nabc"), Status::more);
  EXPECT_EQ(status_of("*2147483647\r\n*2147483647\r\n*2147483647\r\n"), Status::more);
  EXPECT_NE(status_of("*99999999999999999999\r\n"), Status::complete);
}

constexpr std::size_t kMegabyte = 1024UL * 1024;

TEST(ReplyReaderTest, ATextHasALimit) {
  ReplyReader reader(kMegabyte);
  Reply reply;
  reader.feed("$1000000000\r\n");
  const std::string piece(kMegabyte / 64, 'x');
  std::size_t pieces = 0;
  while (reader.next(reply) == Status::more && pieces < 100) {
    reader.feed(piece);
    ++pieces;
  }
  EXPECT_EQ(pieces, 64U);
  EXPECT_EQ(reader.next(reply), Status::too_large);
}

TEST(ReplyReaderTest, AListHasALimit) {
  ReplyReader reader(kMegabyte);
  Reply reply;
  reader.feed("*2000000000\r\n");
  std::string piece;
  for (int element = 0; element < 100; ++element) piece += ":1\r\n";
  std::size_t pieces = 0;
  while (reader.next(reply) == Status::more && pieces < 1000) {
    reader.feed(piece);
    ++pieces;
  }
  EXPECT_LT(pieces, kMegabyte / sizeof(Reply) / 100 + 2);
  EXPECT_EQ(reader.next(reply), Status::too_large);
}

TEST(ReplyReaderTest, TheLimitIsForEachReply) {
  ReplyReader reader(kMegabyte);
  Reply reply;
  const std::string big(kMegabyte / 3, 'x');
  for (int at = 0; at < 5; ++at) {
    reader.feed("$" + std::to_string(big.size()) + "\r\n" + big + "\r\n");
    ASSERT_EQ(reader.next(reply), Status::complete);
    EXPECT_EQ(reply.text, big);
  }
}

TEST(ReplyReaderTest, ALineHasALimit) {
  ReplyReader reader;
  Reply reply;
  reader.feed("+");
  const std::string piece(1000, 'x');
  std::size_t pieces = 0;
  while (reader.next(reply) == Status::more && pieces < 1000) {
    reader.feed(piece);
    ++pieces;
  }
  EXPECT_LT(pieces, 70U);
  EXPECT_EQ(reader.next(reply), Status::malformed);
}

}  // namespace
}  // namespace bonedry::redis
