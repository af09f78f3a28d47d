#include "proxy/base/chunk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace bonedry {
namespace {

constexpr std::size_t kSize = ChunkPool::kChunkSize;

TEST(ChunkTest, AChunkHasItsSizeAndCanBeWrittenToTheLastByte) {
  ChunkPool pool;
  const ChunkRef chunk = pool.take();
  ASSERT_EQ(chunk->capacity(), kSize);
  std::memset(chunk->data(), 'x', kSize);
  EXPECT_EQ(chunk->data()[kSize - 1], 'x');
}

TEST(ChunkTest, WhatIsGivenBackIsTakenAgain) {
  ChunkPool pool;
  const Chunk* first = nullptr;
  {
    const ChunkRef chunk = pool.take();
    first = chunk.get();
  }
  const ChunkRef again = pool.take();
  EXPECT_EQ(again.get(), first);
  const ChunkRef other = pool.take();
  EXPECT_NE(other.get(), first) << "and only once at a time";
}

TEST(ChunkTest, AChunkLivesAsLongAsItsLastShare) {
  ChunkPool pool;
  ChunkRef one = pool.take();
  EXPECT_FALSE(one.shared());
  ChunkRef two = one;
  EXPECT_TRUE(one.shared());
  EXPECT_EQ(one, two);
  one->data()[0] = 'x';
  one = ChunkRef{};
  EXPECT_FALSE(one);
  EXPECT_FALSE(two.shared());
  EXPECT_EQ(two->data()[0], 'x');
  const ChunkRef moved = std::move(two);
  EXPECT_FALSE(moved.shared());
  const ChunkRef fresh = pool.take();
  EXPECT_NE(fresh, moved) << "it was not given back while it is held";
}

TEST(ChunkTest, AssigningAShareToItselfKeepsIt) {
  ChunkPool pool;
  ChunkRef one = pool.take();
  one->data()[0] = 'x';
  const ChunkRef& same = one;
  one = same;
  ASSERT_TRUE(one);
  EXPECT_FALSE(one.shared());
  EXPECT_EQ(one->data()[0], 'x');
}

TEST(ChunkTest, ABurstBeyondTheSparesIsGivenBackToTheSystem) {
  ChunkPool pool;  // LeakSanitizer finds chunks that are not returned
  std::vector<ChunkRef> burst;
  for (std::size_t i = 0; i < 2 * ChunkPool::kSpareChunks; ++i) burst.push_back(pool.take());
  burst.clear();
  const ChunkRef next = pool.take();
  EXPECT_TRUE(next);
}

TEST(ChunkTest, ALargeChunkIsAsLargeAsAskedForAndNotKept) {
  ChunkPool pool;
  {
    const ChunkRef large = pool.take_large(3 * kSize);
    ASSERT_EQ(large->capacity(), 3 * kSize);
    std::memset(large->data(), 'x', 3 * kSize);
  }
  EXPECT_EQ(pool.take()->capacity(), kSize);
}

TEST(ChunkTest, SmallCopiesArePackedBehindEachOther) {
  ChunkPool pool;
  const Slice one = pool.copy("one");
  const Slice two = pool.copy("two");
  EXPECT_EQ(one.text(), "one");
  EXPECT_EQ(two.text(), "two");
  EXPECT_EQ(one.chunk, two.chunk);
  EXPECT_EQ(one.data + one.size, two.data);
}

TEST(ChunkTest, ACopyDoesNotDependOnItsOriginal) {
  ChunkPool pool;
  std::string original = "alice";
  const Slice copy = pool.copy(original);
  original = "bobby";
  EXPECT_EQ(copy.text(), "alice");
}

TEST(ChunkTest, WhatNoLongerFitsGoesIntoAnotherChunkAndTheFirstStays) {
  ChunkPool pool;
  const Slice almost = pool.copy(std::string(kSize - 10, 'a'));
  const Slice fits = pool.copy(std::string(10, 'b'));
  const Slice next = pool.copy("c");
  EXPECT_EQ(fits.chunk, almost.chunk);
  EXPECT_NE(next.chunk, almost.chunk);
  EXPECT_EQ(almost.text(), std::string(kSize - 10, 'a'));
  EXPECT_EQ(fits.text(), std::string(10, 'b'));
  EXPECT_EQ(next.text(), "c");
}

TEST(ChunkTest, ACopyMayFillAWholeChunk) {
  ChunkPool pool;
  const std::string whole(kSize, 'w');
  EXPECT_EQ(pool.copy(whole).text(), whole);
}

TEST(ChunkTest, OnceNobodyHoldsItsCopiesTheChunkIsFilledFromItsBeginning) {
  ChunkPool pool;
  const char* first = nullptr;
  {
    const Slice slice = pool.copy("gone soon");
    first = slice.data;
  }
  EXPECT_EQ(pool.copy("next").data, first);
}

TEST(ChunkTest, CopiesThatAreHeldAreNeverOverwritten) {
  ChunkPool pool;
  std::vector<Slice> held;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = "copy number " + std::to_string(i);
    Slice slice = pool.copy(text);
    if (i % 7 == 0) held.push_back(std::move(slice));
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].text(), "copy number " + std::to_string(7 * i));
  }
}

}  // namespace
}  // namespace bonedry
