#include "proxy/base/slice_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>

namespace bonedry {
namespace {

class SliceQueueTest : public testing::Test {
 protected:
  /// A slice in a block of its own.
  Slice lone(std::string_view text) {
    const BlockRef block = pool.take();
    std::memcpy(block->data(), text.data(), text.size());
    return {block, block->data(), text.size()};
  }

  /// The queued bytes as writev would send them.
  [[nodiscard]] std::string content(std::size_t max_vectors = 100) const {
    std::array<iovec, 100> vectors{};
    const std::size_t count = queue.gather({vectors.data(), max_vectors});
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
    }
    return text;
  }
  [[nodiscard]] std::size_t vectors() const {
    std::array<iovec, 100> all{};
    return queue.gather(all);
  }

  BlockPool pool;
  SliceQueue queue;
};

TEST_F(SliceQueueTest, BytesComeOutInTheOrderTheyWentIn) {
  queue.push(lone("one "));
  queue.push_copy(pool, "two ");
  queue.push(lone("three"));
  EXPECT_EQ(content(), "one two three");
  EXPECT_EQ(queue.bytes(), 13U);
  EXPECT_FALSE(queue.empty());
}

TEST_F(SliceQueueTest, NeighboursInOneBlockAreOneSlice) {
  const Slice whole = lone("abcdef");
  queue.push({whole.block, whole.data, 2});
  queue.push({whole.block, whole.data + 2, 2});
  queue.push({whole.block, whole.data + 4, 2});
  EXPECT_EQ(vectors(), 1U);
  EXPECT_EQ(content(), "abcdef");
}

TEST_F(SliceQueueTest, AGapInTheBlockStaysAGap) {
  const Slice whole = lone("abcdef");
  queue.push({whole.block, whole.data, 2});
  queue.push({whole.block, whole.data + 3, 3});
  EXPECT_EQ(vectors(), 2U);
  EXPECT_EQ(content(), "abdef");
}

TEST_F(SliceQueueTest, TheSamePlaceBackwardsIsNotJoined) {
  const Slice whole = lone("abcd");
  queue.push({whole.block, whole.data + 2, 2});
  queue.push({whole.block, whole.data, 2});
  EXPECT_EQ(content(), "cdab");
}

TEST_F(SliceQueueTest, SmallCopiesInARowAreOneSlice) {
  for (const char* text : {"HTTP/1.1 ", "200", " ", "OK", "\r\n"}) queue.push_copy(pool, text);
  EXPECT_EQ(vectors(), 1U);
  EXPECT_EQ(content(), "HTTP/1.1 200 OK\r\n");
}

TEST_F(SliceQueueTest, NothingIsNotQueued) {
  queue.push({});
  queue.push_copy(pool, "");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(vectors(), 0U);
}

TEST_F(SliceQueueTest, ACopyMayBeLargerThanABlock) {
  std::string large;
  while (large.size() < 3 * BlockPool::kBlockSize + 17) large += std::to_string(large.size());
  queue.push_copy(pool, large);
  EXPECT_EQ(queue.bytes(), large.size());
  EXPECT_EQ(content(), large);
}

TEST_F(SliceQueueTest, WhatWasWrittenIsDroppedFromTheFront) {
  queue.push(lone("abc"));
  queue.push(lone("def"));
  queue.push(lone("ghi"));
  queue.consume(1);
  EXPECT_EQ(content(), "bcdefghi");
  queue.consume(2);
  EXPECT_EQ(content(), "defghi") << "exactly to the end of a slice";
  queue.consume(4);
  EXPECT_EQ(content(), "hi") << "over the end of a slice";
  EXPECT_EQ(queue.bytes(), 2U);
  queue.consume(0);
  EXPECT_EQ(content(), "hi");
  queue.consume(2);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(vectors(), 0U);
}

TEST_F(SliceQueueTest, AQueueThatWasEmptiedIsAsGoodAsNew) {
  const Slice whole = lone("abcdef");
  queue.push({whole.block, whole.data, 3});
  queue.consume(3);
  queue.push({whole.block, whole.data + 3, 3});
  EXPECT_EQ(content(), "def");
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
  queue.push(lone("next"));
  EXPECT_EQ(content(), "next");
}

TEST_F(SliceQueueTest, AHalfWrittenSliceStillJoinsItsNeighbour) {
  const Slice whole = lone("abcdef");
  queue.push({whole.block, whole.data, 3});
  queue.consume(2);
  queue.push({whole.block, whole.data + 3, 3});
  EXPECT_EQ(content(), "cdef");
  EXPECT_EQ(vectors(), 1U);
}

TEST_F(SliceQueueTest, WithFewVectorsOnlyTheFirstBytesAreGathered) {
  queue.push(lone("one"));
  queue.push(lone("two"));
  queue.push(lone("three"));
  EXPECT_EQ(content(2), "onetwo");
  EXPECT_EQ(content(0), "");
}

TEST_F(SliceQueueTest, WrittenSlicesLetGoOfTheirBlocks) {
  Slice first = lone("first");
  Slice second = lone("second");
  const BlockRef watched = first.block;
  const BlockRef other = second.block;
  queue.push(std::move(first));
  queue.push(std::move(second));
  EXPECT_TRUE(watched.shared());
  queue.consume(5);
  EXPECT_FALSE(watched.shared()) << "as soon as its bytes are gone";
  EXPECT_TRUE(other.shared());
  queue.clear();
  EXPECT_FALSE(other.shared());
}

TEST_F(SliceQueueTest, AnythingPushedAndConsumedInPiecesComesOutWhole) {
  std::mt19937 random(20'241'123);
  std::string in;
  std::string out;
  while (in.size() < 200'000) {
    const std::string text(1 + random() % 700, static_cast<char>('a' + random() % 26));
    in += text;
    if (random() % 2 == 0) {
      queue.push_copy(pool, text);
    } else {
      queue.push(lone(text));
    }
    if (random() % 3 != 0) continue;
    const std::size_t part = random() % (queue.bytes() + 1);
    const std::string now = content();
    const std::size_t taken = std::min(part, now.size());
    out += now.substr(0, taken);
    queue.consume(taken);
  }
  while (!queue.empty()) {
    const std::string now = content();
    out += now;
    queue.consume(now.size());
  }
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace bonedry
