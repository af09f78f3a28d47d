#include "proxy/base/read_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

namespace bonedry {
namespace {

constexpr std::size_t kSize = BlockPool::kBlockSize;

class ReadBufferTest : public testing::Test {
 protected:
  /// Acts like a read from a socket; returns how many bytes fitted.
  std::size_t read(std::string_view bytes, std::size_t limit = kSize) {
    const auto room = buffer.room(pool, limit);
    const std::size_t size = std::min(room.size(), bytes.size());
    if (size == 0) return 0;
    std::memcpy(room.data(), bytes.data(), size);
    buffer.filled(size);
    return size;
  }
  void read_all(std::string_view bytes, std::size_t limit = kSize) {
    while (!bytes.empty()) {
      const std::size_t size = read(bytes, limit);
      ASSERT_GT(size, 0U) << bytes.size() << " bytes have no room";
      bytes.remove_prefix(size);
    }
  }
  [[nodiscard]] std::string content() const { return {buffer.data(), buffer.size()}; }

  static std::string counting(std::size_t size) {
    std::string text;
    while (text.size() < size) text += std::to_string(text.size()) + ",";
    text.resize(size);
    return text;
  }

  BlockPool pool;
  ReadBuffer buffer;
};

TEST_F(ReadBufferTest, AnEmptyBufferHoldsNoMemory) {
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_FALSE(buffer.block());
}

TEST_F(ReadBufferTest, WhatIsReadIsThereInOnePiece) {
  read_all("GET / ");
  read_all("HTTP/1.1");
  EXPECT_EQ(content(), "GET / HTTP/1.1");
}

TEST_F(ReadBufferTest, WhatIsConsumedIsGoneFromTheFront) {
  read_all("one two");
  buffer.consume(4);
  EXPECT_EQ(content(), "two");
  read_all(" three");
  EXPECT_EQ(content(), "two three");
}

TEST_F(ReadBufferTest, OnceAllIsConsumedItsMemoryIsBackInThePool) {
  read_all("all of it");
  const Block* const used = buffer.block().get();
  buffer.consume(buffer.size());
  EXPECT_FALSE(buffer.block());
  EXPECT_EQ(pool.take().get(), used);
}

TEST_F(ReadBufferTest, ClearingGivesBackTheMemoryOfAReadThatBroughtNothing) {
  (void)buffer.room(pool, kSize);
  buffer.clear();
  EXPECT_FALSE(buffer.block());
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
}

TEST_F(ReadBufferTest, SlicesOutliveWhatTheyWereCutFrom) {
  read_all("head body");
  const Slice body = buffer.slice(5, 4);
  buffer.clear();
  EXPECT_EQ(body.text(), "body");
  read_all("something else altogether");
  EXPECT_EQ(body.text(), "body");
}

TEST_F(ReadBufferTest, SlicesCountFromTheFirstUnreadByte) {
  read_all("xxxhead");
  buffer.consume(3);
  EXPECT_EQ(buffer.slice(0, 4).text(), "head");
  EXPECT_EQ(buffer.slice(1, 2).text(), "ea");
}

TEST_F(ReadBufferTest, RoomEndsAtTheLimit) {
  EXPECT_EQ(buffer.room(pool, 100).size(), 100U);
  read_all(std::string(60, 'x'), 100);
  EXPECT_EQ(buffer.room(pool, 100).size(), 40U);
  read_all(std::string(40, 'x'), 100);
  EXPECT_TRUE(buffer.room(pool, 100).empty());
  EXPECT_TRUE(buffer.room(pool, 50).empty());
  buffer.consume(1);
  EXPECT_EQ(buffer.room(pool, 100).size(), 1U);
}

TEST_F(ReadBufferTest, TheRestOfAFullBlockMovesToTheFrontOfAFreshOne) {
  read_all(counting(kSize));
  const Slice held = buffer.slice(0, 100);
  buffer.consume(kSize - 10);
  const std::string rest = content();
  const auto room = buffer.room(pool, kSize);
  EXPECT_EQ(room.size(), kSize - 10);
  EXPECT_EQ(content(), rest);
  EXPECT_NE(buffer.block(), held.block) << "the old one still belongs to its slices";
  EXPECT_EQ(held.text(), counting(100));
}

TEST_F(ReadBufferTest, AHeadBeyondABlockGrowsInPlaceOfBeingRefused) {
  constexpr std::size_t kLimit = 200'000;
  const std::string large = counting(kLimit);
  read_all(large, kLimit);
  EXPECT_EQ(content(), large);
  EXPECT_TRUE(buffer.room(pool, kLimit).empty());
  EXPECT_LE(buffer.block()->capacity(), kLimit) << "and no larger than it may become";
}

TEST_F(ReadBufferTest, AfterALargeHeadTheBufferIsOfTheUsualSizeAgain) {
  const std::string large = counting(3 * kSize);
  read_all(large, 4 * kSize);
  buffer.consume(3 * kSize - 5);
  const std::string rest = content();
  std::string more;
  while (buffer.block()->capacity() > kSize && more.size() < 8 * kSize) {
    const std::string part(buffer.room(pool, 4 * kSize).size(), 'm');
    read_all(part, 4 * kSize);
    buffer.consume(part.size());
    more += part;
  }
  EXPECT_EQ(buffer.block()->capacity(), kSize);
  EXPECT_EQ(buffer.size(), rest.size());
}

TEST_F(ReadBufferTest, AStreamThroughTheBufferComesOutAsItWentIn) {
  std::mt19937 random(20'241'123);
  const std::string in = counting(2'000'000);
  std::string out;
  std::size_t at = 0;
  while (out.size() < in.size()) {
    const std::size_t limit = 1 + random() % (2 * kSize);
    const std::size_t want = random() % 5000;
    at += read(std::string_view(in).substr(at, want), limit);
    const std::size_t part = random() % (buffer.size() + 1);
    if (part == 0) continue;
    out += buffer.slice(0, part).text();
    buffer.consume(part);
  }
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace bonedry
