// Files that are not TOML, or barely.
#include "conf/problems.h"
#include "config_text.h"

#include <string>

namespace bonedry::conf::test {
namespace {

using namespace std::string_literals;

TEST(TextTest, AControlCharacterIsNamedWithItsPlaceWhereverItStands) {
  EXPECT_THAT(errors_of("# a\n\0b = 1\n"s),
              ElementsAre("f:2:1: the control character U+0000 is not allowed in TOML"));
  EXPECT_THAT(errors_of("# a\0\n"s),
              ElementsAre("f:1:4: the control character U+0000 is not allowed in TOML"));
  EXPECT_THAT(errors_of("a = \"b\0\"\n"s),
              ElementsAre("f:1:7: the control character U+0000 is not allowed in TOML"));
  EXPECT_THAT(errors_of("a = 'b' \x1b[2J\n"),
              ElementsAre("f:1:9: the control character U+001B is not allowed in TOML"));
  EXPECT_THAT(errors_of("a = \"\x7f\""),
              ElementsAre("f:1:6: the control character U+007F is not allowed in TOML"));
  EXPECT_THAT(errors_of(std::string(100, '\0')),
              ElementsAre("f:1:1: the control character U+0000 is not allowed in TOML"));
  EXPECT_EQ(errors_of("\t" + beside_a_pool("# a\tb\n")).size(), 0U);
}

TEST(TextTest, ACarriageReturnThatEndsNoLineHidesNothing) {
  const std::string what = "a carriage return without a line feed; lines end in LF or CR LF";
  EXPECT_THAT(errors_of("# hidden\r[server]\n"), ElementsAre("f:1:9: " + what));
  EXPECT_THAT(errors_of("a = 1\rb = 2\n"), ElementsAre("f:1:6: " + what));
  EXPECT_THAT(errors_of("a = 1\r\nb = 2\r\r\n"), ElementsAre("f:2:6: " + what));
  EXPECT_THAT(errors_of("a = \"\"\"\nb\rc\"\"\""), ElementsAre("f:2:2: " + what));
  EXPECT_THAT(errors_of("a = 1\r"), ElementsAre("f:1:6: " + what));
}

TEST(TextTest, BytesThatAreNotUtf8HaveAPlace) {
  for (const std::string& bytes :
       {"\xff"s, "\x80"s, "\xc0\xaf"s, "\xc3"s, "\xc3("s, "\xe2\x82"s, "\xe0\x80\xaf"s,
        "\xed\xa0\x80"s, "\xf0\x80\x80\xaf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s}) {
    EXPECT_THAT(errors_of("\n# \xc3\xa9 " + bytes), ElementsAre("f:2:5: invalid UTF-8"));
    EXPECT_THAT(errors_of("a = \"" + bytes + "\"\n"), ElementsAre("f:1:6: invalid UTF-8"));
  }
  for (const std::string& bytes : {"\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
                                   "\xef\xbf\xbd"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_THAT(errors_of(beside_a_pool("# " + bytes)), IsEmpty());
  }
}

TEST(TextTest, AByteOrderMarkIsTakenAtTheBeginningOnlyAndNotCounted) {
  EXPECT_THAT(errors_of("\xef\xbb\xbf" + beside_a_pool("")), IsEmpty());
  EXPECT_THAT(errors_of("\xef\xbb\xbf# \xff"), ElementsAre("f:1:3: invalid UTF-8"));
  EXPECT_EQ(errors_of("\xef\xbb\xbf\xef\xbb\xbf" + beside_a_pool("")).size(), 1U);
  EXPECT_EQ(errors_of("\n\xef\xbb\xbf" + beside_a_pool("")).size(), 1U);
}

TEST(TextTest, OtherEncodingsAreNamed) {
  for (const std::string& text : {"\xff\xfe#\0"s, "\xfe\xff\0#"s, "\xff\xfe\0\0#\0\0\0"s}) {
    EXPECT_THAT(errors_of(text),
                ElementsAre("f:1:1: the file is in UTF-16 or UTF-32; expected UTF-8"));
  }
}

TEST(TextTest, ALineOfSixteenMebibytesIsReadOrHasAShortError) {
  const std::string filler((16U << 20U) - 1000, 'x');
  EXPECT_THAT(errors_of(beside_a_pool("# " + filler)), IsEmpty());
  for (const std::string& text :
       {beside_a_pool("x = \"" + filler + "\""), beside_a_pool(filler + " = 1"),
        beside_a_pool("[" + filler + "]"), with_nodes("[[pool.node]]\nname = \"" + filler + "\""),
        with_nodes("[[pool.node]]\nname = \"a\"\naddress = \"" + filler + "\"")}) {
    const auto errors = errors_of(text);
    ASSERT_FALSE(errors.empty());
    for (const std::string& error : errors) EXPECT_LT(error.size(), 300U);
  }
}

TEST(TextTest, ManyMistakesAreNotManyMegabytes) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += "k" + std::to_string(i) + " = 1\n";
  const auto errors = errors_of(beside_a_pool(many));
  ASSERT_EQ(errors.size(), kMaxShown + 1);
  EXPECT_THAT(errors[99], ::testing::StartsWith("f:100:1: k99: unknown key"));
  EXPECT_EQ(errors[100], "f:101:1: 200 more from this line on, not shown");
}

}  // namespace
}  // namespace bonedry::conf::test
