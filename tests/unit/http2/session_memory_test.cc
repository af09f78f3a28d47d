#include "proxy/http2/session_memory.h"

#include "proxy/http2/native.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

namespace bonedry::http2 {
namespace {

class SessionMemoryTest : public testing::Test {
 protected:
  void* allocate(std::size_t size) { return functions().malloc(size, functions().mem_user_data); }
  void release(void* memory) { functions().free(memory, functions().mem_user_data); }
  void* reallocate(void* memory, std::size_t size) {
    return functions().realloc(memory, size, functions().mem_user_data);
  }
  nghttp2_mem& functions() { return memory_.native().functions; }

  SessionMemory memory_;
};

TEST_F(SessionMemoryTest, WhatIsFreedIsUsedAgain) {
  if (!SessionMemory::Native::kKeeps) GTEST_SKIP() << "AddressSanitizer is to see what is freed";
  void* const first = allocate(100);
  release(first);
  EXPECT_EQ(allocate(128), first) << "of the same size in units of 64 bytes";
  void* const second = allocate(100);
  EXPECT_NE(second, first);
  release(first);
  release(second);
}

TEST_F(SessionMemoryTest, AllSizesMayBeFilled) {
  std::vector<void*> pieces;
  for (std::size_t size = 0; size < 2'000; size += 7) {
    pieces.push_back(allocate(size));
    std::memset(pieces.back(), 1, size);
  }
  for (void* piece : pieces) release(piece);
  release(nullptr);
}

TEST_F(SessionMemoryTest, ZeroedMemoryIsZeroAlsoTheSecondTime) {
  for (int round = 0; round < 2; ++round) {
    auto* const piece =
        static_cast<unsigned char*>(functions().calloc(3, 50, functions().mem_user_data));
    for (std::size_t i = 0; i < 150; ++i) ASSERT_EQ(piece[i], 0);
    std::memset(piece, 1, 150);
    release(piece);
  }
}

TEST_F(SessionMemoryTest, WhatGrowsKeepsItsContent) {
  auto* piece = static_cast<char*>(reallocate(nullptr, 10));
  constexpr std::string_view kContent = "0123456789";
  std::ranges::copy(kContent, piece);
  for (const std::size_t size : {60U, 500U, 700U, 5'000U, 10U}) {
    piece = static_cast<char*>(reallocate(piece, size));
    EXPECT_EQ(std::string_view(piece, kContent.size()), kContent) << size;
  }
  release(piece);
}

TEST_F(SessionMemoryTest, LittleIsKeptOfAPeak) {
  std::vector<void*> pieces;
  for (int i = 0; i < 10'000; ++i) pieces.push_back(allocate(512));
  for (void* piece : pieces) release(piece);
  EXPECT_LE(memory_.native().spare_bytes, SessionMemory::Native::kSpareBytes);
}

}  // namespace
}  // namespace bonedry::http2
