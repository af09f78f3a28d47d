#include "proxy/body.h"
#include "tests/unit/proxy/exchange_rig.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

namespace bonedry::proxy {
namespace {

using test::Piece;

std::string text_of(const ReplayBody& replay) {
  std::string text;
  replay.each([&text](const BodySlices& part) { part.append_to(text); });
  return text;
}

TEST(ReplayBodyTest, KeepsPartsAndTrailersInOrder) {
  ReplayBody replay;
  EXPECT_EQ(replay.bytes(), 0U);
  replay.add(Piece("one, ").slices());
  replay.add(Piece("two").slices());
  replay.end("x-sum: 1\r\n");
  EXPECT_EQ(replay.bytes(), 8U);
  EXPECT_EQ(text_of(replay), "one, two");
  EXPECT_EQ(text_of(replay), "one, two") << "it can be sent more than once";
  EXPECT_EQ(replay.trailers(), "x-sum: 1\r\n");
}

TEST(ReplayBodyTest, KeepsTheBlockButNotTheListOfPieces) {
  BlockPool blocks;
  const BlockRef block = blocks.take();
  std::memcpy(block->data(), "abcdef", 6);
  http::BodyPieces pieces;
  pieces.pieces[0] = {0, 2};
  pieces.pieces[1] = {4, 2};
  pieces.count = 2;
  pieces.bytes = 4;
  ReplayBody replay;
  replay.add(BodySlices(block, block->data(), pieces));
  pieces.clear();
  EXPECT_TRUE(block.shared());
  EXPECT_EQ(text_of(replay), "abef");
  replay.clear();
  EXPECT_FALSE(block.shared());
}

TEST(ReplayBodyTest, EmptyPartsTakeNoPlace) {
  ReplayBody replay;
  for (int i = 0; i < 100; ++i) replay.add(Piece("").slices());
  replay.add(Piece("x").slices());
  EXPECT_EQ(text_of(replay), "x");
}

TEST(ReplayBodyTest, OnlyAFewPartsAreKept) {
  ReplayBody replay;
  for (std::size_t i = 0; i < ReplayBody::kMaxParts + 3; ++i) replay.add(Piece("x").slices());
  EXPECT_EQ(replay.bytes(), ReplayBody::kMaxParts);
  EXPECT_EQ(text_of(replay), "xxxx");
}

TEST(ReplayBodyTest, NoLongBodiesAreKept) {
  ReplayBody replay;
  const std::string part(BlockPool::kBlockSize, 'x');
  for (std::size_t i = 0; i < ReplayBody::kMaxParts; ++i) replay.add(Piece(part).slices());
  EXPECT_EQ(replay.bytes(), ReplayBody::kMaxBytes);
  replay.add(Piece("x").slices());
  EXPECT_EQ(replay.bytes(), ReplayBody::kMaxBytes);
}

TEST(ReplayBodyTest, IsReused) {
  ReplayBody replay;
  replay.add(Piece("abc").slices());
  replay.end("x: y\r\n");
  replay.clear();
  EXPECT_EQ(replay.bytes(), 0U);
  EXPECT_EQ(replay.trailers(), "");
  EXPECT_EQ(text_of(replay), "");
  for (std::size_t i = 0; i < ReplayBody::kMaxParts; ++i) replay.add(Piece("y").slices());
  EXPECT_EQ(text_of(replay), "yyyy");
}

}  // namespace
}  // namespace bonedry::proxy
