#include "proxy/base/line_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bonedry {
namespace {

std::string taken(LineQueue& queue, std::size_t max = 1'000'000) {
  std::vector<char> out;
  queue.take(out, max);
  return {out.begin(), out.end()};
}

TEST(LineQueueTest, LinesComeOutInTheirOrder) {
  LineQueue queue(64);
  EXPECT_TRUE(queue.empty());
  queue.push("one");
  queue.push("");
  queue.push("three");
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(taken(queue), "one\n\nthree\n");
  EXPECT_TRUE(queue.empty());
}

TEST(LineQueueTest, TheyGoAroundTheEndOfItsMemory) {
  LineQueue queue(64);
  for (int i = 0; i < 100; ++i) {
    const std::string line(static_cast<std::size_t>(i % 20), static_cast<char>('a' + i % 26));
    queue.push(line);
    queue.push("x");
    ASSERT_EQ(taken(queue), line + "\nx\n");
  }
  EXPECT_EQ(queue.take_dropped(), 0U);
}

TEST(LineQueueTest, ALineThatThereIsNoRoomForIsDropped) {
  LineQueue queue(32);
  queue.push("0123456789");  // 15 bytes with its length and line end
  queue.push("0123456789");
  queue.push("late");
  EXPECT_EQ(queue.take_dropped(), 1U);
  EXPECT_EQ(queue.take_dropped(), 0U) << "told once";
  EXPECT_EQ(taken(queue), "0123456789\n0123456789\n");
  queue.push("next");
  EXPECT_EQ(taken(queue), "next\n");
}

TEST(LineQueueTest, AsManyAreTakenAsFitAndOneAtLeast) {
  LineQueue queue(64);
  queue.push("a long line");
  queue.push("b");
  queue.push("c");
  EXPECT_EQ(taken(queue, 4), "a long line\n");
  EXPECT_EQ(taken(queue, 3), "b\n");
  EXPECT_EQ(taken(queue, 3), "c\n");
}

TEST(LineQueueTest, WhatIsClearedCountsAsDropped) {
  LineQueue queue(64);
  queue.push("one");
  queue.push("two");
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.take_dropped(), 2U);
}

TEST(LineQueueTest, NothingIsLostOrTornBetweenTwoThreads) {
  constexpr int kLines = 20'000;
  LineQueue queue(1024);
  std::thread producer([&queue] {
    for (int i = 0; i < kLines; ++i) queue.push("line " + std::to_string(i));
  });
  std::uint64_t lines = 0;
  std::uint64_t dropped = 0;
  int last = -1;
  while (lines + dropped < kLines) {
    std::string text = taken(queue);
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      ASSERT_EQ(text.substr(0, 5), "line ");
      const int number = std::stoi(text.substr(5, end - 5));
      ASSERT_GT(number, last);
      last = number;
      ++lines;
      text.erase(0, end + 1);
    }
    ASSERT_EQ(text, "") << "a part of a line";
    dropped += queue.take_dropped();
  }
  producer.join();
  EXPECT_EQ(lines + dropped, static_cast<std::uint64_t>(kLines));
}

}  // namespace
}  // namespace bonedry
