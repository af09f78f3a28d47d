// How output fits into a terminal: columns that are left out, and lines that are wrapped.
#include "admin/rate_meter.h"
#include "admin/text_table.h"
#include "admin/wrapped.h"

#include <gtest/gtest.h>

namespace bonedry::admin {
namespace {

using Align = TextTable::Align;

TEST(TextTableWidth, ColumnsOfHighNumbersAreLeftOutFirst) {
  TextTable table({{"NODE"}, {"ADDRESS", Align::left, 1}, {"NEW", Align::right, 2}, {"DRY"}});
  table.add({"shop/alice", "127.0.0.1:1", "7", "no"});
  EXPECT_EQ(table.str(), table.str(33));
  EXPECT_EQ(table.str(33), "NODE        ADDRESS      NEW  DRY\nshop/alice  127.0.0.1:1    7  no\n");
  EXPECT_EQ(table.str(32), "NODE        ADDRESS      DRY\nshop/alice  127.0.0.1:1  no\n");
  EXPECT_EQ(table.str(27), "NODE        DRY\nshop/alice  no\n");
  EXPECT_EQ(table.str(1), table.str(27)) << "the others are always shown";
}

TEST(Wrapped, ShortLinesStayAsTheyAre) {
  EXPECT_EQ(wrapped("one\n\n  two\n", 5), "one\n\n  two\n");
  EXPECT_EQ(wrapped("", 5), "");
  EXPECT_EQ(wrapped("no end", 20), "no end");
}

TEST(Wrapped, LinesBreakBetweenWords) {
  EXPECT_EQ(wrapped("one two three four", 9), "one two\nthree\nfour");
  EXPECT_EQ(wrapped("  one two three", 9), "  one two\n  three");
}

TEST(Wrapped, WhatFollowsStandsBelowTheLastColumn) {
  EXPECT_EQ(wrapped("  --wait  until it is dry\n", 18), "  --wait  until it\n          is dry\n");
}

TEST(Wrapped, AWordThatIsTooLongIsNotCut) {
  EXPECT_EQ(wrapped("overlong words", 4), "overlong\nwords");
  EXPECT_EQ(wrapped("overlong", 4), "overlong");
  EXPECT_EQ(wrapped("        overlong words", 4), "        overlong\n        words");
}

TEST(RateMeterTest, KnowsNothingBeforeASecondIsOver) {
  RateMeter meter;
  EXPECT_FALSE(meter.per_second());
  meter.note(5, {1000});
  meter.note(9, {1900});
  EXPECT_FALSE(meter.per_second());
  meter.note(15, {2000});
  EXPECT_EQ(meter.per_second(), 10.0);
}

TEST(RateMeterTest, LooksBackTenSeconds) {
  RateMeter meter;
  std::uint64_t total = 0;
  std::int64_t ms = 0;
  const auto run = [&](int seconds, std::uint64_t each) {
    for (int i = 0; i < seconds; ++i) meter.note(total += each, {ms += 1000});
  };
  run(30, 100);
  EXPECT_EQ(meter.per_second(), 100.0);
  run(5, 200);
  EXPECT_EQ(meter.per_second(), 150.0);
  run(10, 200);
  EXPECT_EQ(meter.per_second(), 200.0);
  ms += 9000;  // the main thread was held up
  run(1, 0);
  EXPECT_NEAR(*meter.per_second(), 1800.0 / 19, 0.01);
}

}  // namespace
}  // namespace bonedry::admin
