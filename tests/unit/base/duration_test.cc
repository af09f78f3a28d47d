#include "proxy/base/duration.h"

#include <gtest/gtest.h>

namespace bonedry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(DurationTest, ReadsOneAmount) {
  EXPECT_EQ(parse_duration("250ms"), Millis{250});
  EXPECT_EQ(parse_duration("90s"), seconds{90});
  EXPECT_EQ(parse_duration("20m"), minutes{20});
  EXPECT_EQ(parse_duration("12h"), hours{12});
  EXPECT_EQ(parse_duration("7d"), hours{7 * 24});
  EXPECT_EQ(parse_duration("007s"), seconds{7});
}

TEST(DurationTest, ReadsSums) {
  EXPECT_EQ(parse_duration("1h30m"), minutes{90});
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), hours{26} + minutes{3} + seconds{4} + Millis{5});
  EXPECT_EQ(parse_duration("1m1h"), minutes{61});
}

TEST(DurationTest, ZeroNeedsNoUnit) {
  EXPECT_EQ(parse_duration("0"), Millis{0});
  EXPECT_EQ(parse_duration("0s"), Millis{0});
  EXPECT_EQ(parse_duration("00"), std::nullopt);
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const char* text : {"", " ", "s", "20", "20x", "20 m", " 20m", "20m ", "-1s", "+1s", "1.5s",
                           "1h30", "h1", "1M", "1min", "1m,", "0x10s", "1e3s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, StopsAtTheLongest) {
  EXPECT_EQ(parse_duration("3660d"), kMaxDuration);
  EXPECT_EQ(parse_duration("3659d24h"), kMaxDuration);
  EXPECT_EQ(parse_duration("3660d1ms"), std::nullopt);
  EXPECT_EQ(parse_duration("3661d"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775807d"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775807ms"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036854775808ms"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999999s"), std::nullopt);
}

TEST(DurationTest, WritesTheTwoLargestUnits) {
  EXPECT_EQ(format_duration(Millis{0}), "0ms");
  EXPECT_EQ(format_duration(Millis{250}), "250ms");
  EXPECT_EQ(format_duration(seconds{12}), "12s");
  EXPECT_EQ(format_duration(seconds{60}), "1m");
  EXPECT_EQ(format_duration(seconds{90}), "1m30s");
  EXPECT_EQ(format_duration(minutes{20}), "20m");
  EXPECT_EQ(format_duration(minutes{90}), "1h30m");
  EXPECT_EQ(format_duration(hours{12} + seconds{30}), "12h");
  EXPECT_EQ(format_duration(hours{50} + minutes{59}), "2d2h");
  EXPECT_EQ(format_duration(kMaxDuration), "3660d");
}

TEST(DurationTest, ShowsTenthsOfShortTimesOnly) {
  EXPECT_EQ(format_duration(Millis{999}), "999ms");
  EXPECT_EQ(format_duration(Millis{1000}), "1s");
  EXPECT_EQ(format_duration(Millis{1099}), "1s");
  EXPECT_EQ(format_duration(Millis{1500}), "1.5s");
  EXPECT_EQ(format_duration(Millis{9999}), "9.9s");
  EXPECT_EQ(format_duration(Millis{10'500}), "10s");
}

TEST(DurationTest, WritesNegativeTimes) {
  EXPECT_EQ(format_duration(-minutes{5}), "-5m");
  EXPECT_EQ(format_duration(Millis{-1}), "-1ms");
}

TEST(DurationTest, ReadsWhatItWritesOfWholeUnits) {
  for (const char* text : {"250ms", "12s", "1m30s", "20m", "1h30m", "12h", "2d2h", "3660d"}) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(format_duration(*duration), text);
  }
}

}  // namespace
}  // namespace bonedry
