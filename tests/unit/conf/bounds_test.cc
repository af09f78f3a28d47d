#include "conf/loader.h"
#include "conf/toml_bounds.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::conf {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(BoundsTest, DeepKeysAndValuesAreErrorsAndNoEndOfTheStack) {
  for (const std::string& text :
       {repeated("a.", 200'000) + "b = 1", "[" + repeated("a . ", 200'000) + "b]",
        repeated("\"a\".", 200'000) + "b = 1", "a = " + repeated("[", 200'000),
        "a = " + repeated("{a=", 200'000)}) {
    const auto loaded = load_text(text, "f");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error(), "f:1:1: nested too deeply");
  }
}

TEST(BoundsTest, DotsAndBracketsInStringsAndCommentsAreNone) {
  const std::string many = repeated("[.", 100);
  EXPECT_EQ(first_line_too_deep("a = \"\\\"" + many + "\" # " + many + "\nb = '" + many + "'"), 0U);
  EXPECT_EQ(first_line_too_deep("a = \"\"\"\n" + many + "\"\"\"\"\nb = '''" + many + "'''"), 0U);
  EXPECT_EQ(first_line_too_deep("a = [" + repeated("1.5, ", 100) + "]"), 0U);
  EXPECT_EQ(first_line_too_deep("\n\na" + repeated(".a", 16)), 3U);
}

}  // namespace
}  // namespace bonedry::conf
