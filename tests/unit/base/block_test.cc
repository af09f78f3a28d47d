#include "proxy/base/block.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace bonedry {
namespace {

constexpr std::size_t kBlock = BlockPool::kBlockSize;

TEST(BlockTest, ABlockHasItsSizeAndCanBeWrittenToTheLastByte) {
  BlockPool pool;
  const BlockRef block = pool.take();
  ASSERT_EQ(block->capacity(), kBlock);
  std::memset(block->data(), 'x', kBlock);
  EXPECT_EQ(block->data()[kBlock - 1], 'x');
}

TEST(BlockTest, WhatIsGivenBackIsTakenAgain) {
  BlockPool pool;
  const Block* first = nullptr;
  {
    const BlockRef block = pool.take();
    first = block.get();
  }
  const BlockRef again = pool.take();
  EXPECT_EQ(again.get(), first);
  const BlockRef other = pool.take();
  EXPECT_NE(other.get(), first) << "and only once at a time";
}

TEST(BlockTest, ABlockLivesAsLongAsItsLastShare) {
  BlockPool pool;
  BlockRef one = pool.take();
  EXPECT_FALSE(one.shared());
  BlockRef two = one;
  EXPECT_TRUE(one.shared());
  EXPECT_EQ(one, two);
  one->data()[0] = 'x';
  one = BlockRef{};
  EXPECT_FALSE(one);
  EXPECT_FALSE(two.shared());
  EXPECT_EQ(two->data()[0], 'x');
  const BlockRef moved = std::move(two);
  EXPECT_FALSE(moved.shared());
  const BlockRef fresh = pool.take();
  EXPECT_NE(fresh, moved) << "it was not given back while it is held";
}

TEST(BlockTest, AssigningAShareToItselfKeepsIt) {
  BlockPool pool;
  BlockRef one = pool.take();
  one->data()[0] = 'x';
  const BlockRef& same = one;
  one = same;
  ASSERT_TRUE(one);
  EXPECT_FALSE(one.shared());
  EXPECT_EQ(one->data()[0], 'x');
}

TEST(BlockTest, ABurstBeyondTheSparesIsGivenBackToTheSystem) {
  BlockPool pool;  // LeakSanitizer finds blocks that are not returned
  std::vector<BlockRef> burst;
  for (std::size_t i = 0; i < 2 * BlockPool::kSpareBlocks; ++i) burst.push_back(pool.take());
  burst.clear();
  const BlockRef next = pool.take();
  EXPECT_TRUE(next);
}

TEST(BlockTest, ALargeBlockIsAsLargeAsAskedForAndNotKept) {
  BlockPool pool;
  {
    const BlockRef large = pool.take_large(3 * kBlock);
    ASSERT_EQ(large->capacity(), 3 * kBlock);
    std::memset(large->data(), 'x', 3 * kBlock);
  }
  EXPECT_EQ(pool.take()->capacity(), kBlock);
}

TEST(BlockTest, SmallCopiesArePackedBehindEachOther) {
  BlockPool pool;
  const Slice one = pool.copy("one");
  const Slice two = pool.copy("two");
  EXPECT_EQ(one.text(), "one");
  EXPECT_EQ(two.text(), "two");
  EXPECT_EQ(one.block, two.block);
  EXPECT_EQ(one.data + one.size, two.data);
}

TEST(BlockTest, ACopyDoesNotDependOnItsOriginal) {
  BlockPool pool;
  std::string original = "alice";
  const Slice copy = pool.copy(original);
  original = "bobby";
  EXPECT_EQ(copy.text(), "alice");
}

TEST(BlockTest, WhatNoLongerFitsGoesIntoAnotherBlockAndTheFirstStays) {
  BlockPool pool;
  const Slice almost = pool.copy(std::string(kBlock - 10, 'a'));
  const Slice fits = pool.copy(std::string(10, 'b'));
  const Slice next = pool.copy("c");
  EXPECT_EQ(fits.block, almost.block);
  EXPECT_NE(next.block, almost.block);
  EXPECT_EQ(almost.text(), std::string(kBlock - 10, 'a'));
  EXPECT_EQ(fits.text(), std::string(10, 'b'));
  EXPECT_EQ(next.text(), "c");
}

TEST(BlockTest, ACopyMayFillAWholeBlock) {
  BlockPool pool;
  const std::string whole(kBlock, 'w');
  EXPECT_EQ(pool.copy(whole).text(), whole);
}

TEST(BlockTest, OnceNobodyHoldsItsCopiesTheBlockIsFilledFromItsBeginning) {
  BlockPool pool;
  const char* first = nullptr;
  {
    const Slice slice = pool.copy("gone soon");
    first = slice.data;
  }
  EXPECT_EQ(pool.copy("next").data, first);
}

TEST(BlockTest, CopiesThatAreHeldAreNeverOverwritten) {
  BlockPool pool;
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
