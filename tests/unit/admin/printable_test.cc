#include "admin/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin {
namespace {

TEST(Printable, LeavesGoodTextAlone) {
  for (const std::string text : {"", "update 4.2", "Grüße, 日本語 🎉", R"(a \ b "c")"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, WritesOutWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\t\x7f"), R"(a\x1b[2Jb\x0d\x0a\x09\x7f)");
  EXPECT_EQ(printable(std::string("nul\0", 4)), R"(nul\x00)");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            R"(\u{9b}31m)");  // C1: a CSI in one character
  EXPECT_EQ(printable("ab\xe2\x80\xae"
                      "cd"),
            R"(ab\u{202e}cd)");  // reverses the direction of the text
}

TEST(Printable, WritesOutWhatHidesOrTurnsText) {
  EXPECT_EQ(printable("\xd8\x9c"), R"(\u{61c})");
  EXPECT_EQ(printable("\xe2\x80\x8e\xe2\x80\x8f"), R"(\u{200e}\u{200f})");
  EXPECT_EQ(printable("\xe2\x80\xa8\xe2\x80\xa9"), R"(\u{2028}\u{2029})");
  EXPECT_EQ(printable("\xe2\x81\xa6\xe2\x81\xa9"), R"(\u{2066}\u{2069})");
  EXPECT_EQ(printable("\xef\xbb\xbf\xc2\xad"), R"(\u{feff}\u{ad})");
  EXPECT_EQ(printable("\xf3\xa0\x80\xa1"), R"(\u{e0021})");
}

TEST(Printable, WritesOutWhatIsNotUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), R"(\xff\xfe)");
  EXPECT_EQ(printable("\xc0\xaf"), R"(\xc0\xaf)");          // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf"), R"(\xe0\x80\xaf)");  // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), R"(\xed\xa0\x80)");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), R"(\xf4\x90\x80\x80)");
  EXPECT_EQ(printable("\xe2\x82"), R"(\xe2\x82)");  // truncated
}

TEST(Printable, EveryTwoBytesGiveTextWithoutControls) {
  for (int high = 0; high < 256; ++high) {
    for (int low = 0; low < 256; ++low) {
      const std::string text{static_cast<char>(high), static_cast<char>(low)};
      ASSERT_FALSE(has_control(printable(text))) << high << " " << low;
    }
  }
}

TEST(Clipped, CutsAtCharacters) {
  EXPECT_EQ(clipped("Grüße", 5), "Grüße");
  EXPECT_EQ(clipped("Grüße", 4), "Grü…");
  EXPECT_EQ(clipped("Grüße", 1), "…");
  EXPECT_EQ(clipped("Grüße", 0), "");
  EXPECT_EQ(columns("Grüße"), 5U);
}

TEST(Rfc3339, WritesUtc) {
  EXPECT_EQ(rfc3339(WallTime{1'700'000'000'123}, Precision::seconds), "2023-11-14T22:13:20Z");
  EXPECT_EQ(rfc3339(WallTime{1'700'000'000'123}, Precision::millis), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(rfc3339(WallTime{-1}, Precision::millis), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace bonedry::admin
