#include "proxy/base/utc.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <string>

namespace bonedry {
namespace {

std::string text(std::int64_t ms) {
  const UtcTime utc = to_utc(WallTime{ms});
  std::array<char, 40> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &utc.date);
  return std::string(date.data()) + "." + std::to_string(utc.millis);
}

TEST(Utc, TimesAreRoundedDownOnBothSidesOf1970) {
  EXPECT_EQ(text(0), "1970-01-01 00:00:00.0");
  EXPECT_EQ(text(1'700'000'000'123), "2023-11-14 22:13:20.123");
  EXPECT_EQ(text(-1), "1969-12-31 23:59:59.999");
  EXPECT_EQ(text(-1000), "1969-12-31 23:59:59.0");
  EXPECT_EQ(text(951'782'400'000), "2000-02-29 00:00:00.0");
}

}  // namespace
}  // namespace bonedry
