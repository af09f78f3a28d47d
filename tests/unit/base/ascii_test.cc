#include "proxy/base/ascii.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::ascii {
namespace {

/// All characters of a class, in order.
template <class Predicate>
std::string all(const Predicate& is) {
  std::string found;
  for (int c = 0; c < 256; ++c) {
    if (is(static_cast<char>(c))) found += static_cast<char>(c);
  }
  return found;
}

TEST(Ascii, ClassesHaveNothingBeyondAscii) {
  EXPECT_EQ(all(is_digit), "0123456789");
  EXPECT_EQ(all(is_blank), "\t ");
  EXPECT_EQ(all(is_alphanumeric), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(all(is_token_char).size(), 62U + 15U) << "RFC 9110, 5.6.2";
  EXPECT_FALSE(is_token_char('"') || is_token_char('/') || is_token_char('\x80'));
  EXPECT_EQ(all(is_control).size(), 33U);
  EXPECT_TRUE(is_control('\0') && is_control('\x7f') && !is_control('\x80'));
}

TEST(Ascii, OnlyLettersHaveACase) {
  EXPECT_EQ(all([](char c) { return to_lower(c) != c; }), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  EXPECT_TRUE(equal_ignoring_case("Set-Cookie", "sET-cOOKIE"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("@", "`")) << "0x20 apart, and no letters";
}

TEST(Ascii, SpacesAndTabsAreTrimmed) {
  EXPECT_EQ(trimmed(" \t a b \t "), "a b");
  EXPECT_EQ(trimmed_front(" a "), "a ");
  EXPECT_EQ(trimmed_back(" a "), " a");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\na\n"), "\na\n");
}

}  // namespace
}  // namespace bonedry::ascii
