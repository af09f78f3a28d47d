#include "conf/spelling.h"

#include <gtest/gtest.h>

#include <array>

namespace bonedry::conf {
namespace {

constexpr std::array<std::string_view, 4> kKeys{"idle_timeout", "pending_timeout", "path", "rise"};

TEST(SpellingTest, FindsTheWordThatWasMeant) {
  EXPECT_EQ(nearest("idle_timeot", kKeys), "idle_timeout");         // a missing letter
  EXPECT_EQ(nearest("idle_ttimeout", kKeys), "idle_timeout");       // an extra letter
  EXPECT_EQ(nearest("idle-timeout", kKeys), "idle_timeout");        // a wrong letter
  EXPECT_EQ(nearest("pendnig_timeout", kKeys), "pending_timeout");  // two letters swapped
  EXPECT_EQ(nearest("idletimout", kKeys), "idle_timeout");          // two mistakes in ten letters
}

TEST(SpellingTest, OffersNothingThatIsFar) {
  EXPECT_EQ(nearest("weight", kKeys), std::nullopt);
  EXPECT_EQ(nearest("rice_bowl", kKeys), std::nullopt);
  EXPECT_EQ(nearest("", kKeys), std::nullopt);
  EXPECT_EQ(nearest("path", {}), std::nullopt);
}

TEST(SpellingTest, PrefersTheNearerWord) {
  constexpr std::array<std::string_view, 3> kNames{"alpha1", "alpha", "alpha2"};
  EXPECT_EQ(nearest("alpha2", kNames), "alpha2");
  EXPECT_EQ(nearest("alpga", kNames), "alpha");
}

TEST(SpellingTest, CountsASwapAsOneSlip) {
  constexpr std::array<std::string_view, 1> kName{"ab"};
  EXPECT_EQ(nearest("ba", kName), "ab");
}

TEST(SpellingTest, QuotesForTheTerminal) {
  EXPECT_EQ(quote("plain"), R"("plain")");
  EXPECT_EQ(quote(R"(a "b" \c)"), R"("a \"b\" \\c")");
  EXPECT_EQ(quote("\x1b[2J\n\x7f"), R"("\x1b[2J\x0a\x7f")");
  EXPECT_EQ(quote("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
}

TEST(SpellingTest, ShortensLongTextBetweenCodePoints) {
  EXPECT_EQ(quote(std::string(60, 'x')), '"' + std::string(60, 'x') + '"');
  EXPECT_EQ(quote(std::string(61, 'x')), '"' + std::string(60, 'x') + "...\"");
  EXPECT_EQ(quote(std::string(59, 'x') + "\xc3\xa9!"), '"' + std::string(59, 'x') + "...\"");
}

TEST(SpellingTest, JoinsWithCommas) {
  EXPECT_EQ(join(kKeys), "idle_timeout, pending_timeout, path, rise");
  EXPECT_EQ(join({}), "");
}

}  // namespace
}  // namespace bonedry::conf
