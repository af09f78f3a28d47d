#include "proxy/http2/body_store.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bonedry::http2 {
namespace {

std::string take_all(BodyStore& store) {
  std::string all;
  while (!store.empty()) {
    const BodyStore::Part part = store.take();
    all.append(part.data, part.size);
  }
  return all;
}

TEST(BodyStoreTest, KeepsBytesInOrder) {
  BlockPool blocks;
  BodyStore store;
  EXPECT_TRUE(store.empty());
  store.append(blocks, "one, ");
  store.append(blocks, "two");
  EXPECT_EQ(store.bytes(), 8U);
  EXPECT_EQ(take_all(store), "one, two");
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(BodyStoreTest, TinyPiecesShareABlock) {
  BlockPool blocks;
  BodyStore store;
  for (int i = 0; i < 1000; ++i) store.append(blocks, "x");
  EXPECT_EQ(store.take().size, 1000U);
  EXPECT_TRUE(store.empty());
}

TEST(BodyStoreTest, LongPiecesAreSplitOverBlocks) {
  BlockPool blocks;
  BodyStore store;
  std::string text(2 * BlockPool::kBlockSize + 5, 'a');
  text.back() = 'z';
  store.append(blocks, text);
  EXPECT_EQ(store.bytes(), text.size());
  EXPECT_EQ(store.take().size, BlockPool::kBlockSize);
  EXPECT_EQ(take_all(store), text.substr(BlockPool::kBlockSize));
}

TEST(BodyStoreTest, WhatIsTakenStaysWhenMoreIsAppended) {
  BlockPool blocks;
  BodyStore store;
  store.append(blocks, "first");
  const BodyStore::Part part = store.take();
  store.append(blocks, "second");
  EXPECT_EQ(std::string_view(part.data, part.size), "first");
  store.clear();
  EXPECT_TRUE(store.empty());
}

}  // namespace
}  // namespace bonedry::http2
