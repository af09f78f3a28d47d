#include "conf/config.h"

#include <gtest/gtest.h>

namespace bonedry::conf {
namespace {

TEST(AddressTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:9001", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:9001",
                           "[::]:8080", "[2001:db8::7]:443", "[::ffff:10.0.0.1]:80"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
}

TEST(AddressTest, KeepsTheHostWithoutBrackets) {
  EXPECT_EQ(parse_address("[::1]:9001"), (Address{"::1", 9001}));
  EXPECT_EQ(parse_address("10.1.2.3:80"), (Address{"10.1.2.3", 80}));
}

TEST(AddressTest, BringsOneHostToOneForm) {
  EXPECT_EQ(parse_address("[0:0:0:0:0:0:0:1]:80"), parse_address("[::1]:80"));
  EXPECT_EQ(parse_address("[2001:DB8::A]:80"), parse_address("[2001:db8:0::a]:80"));
}

TEST(AddressTest, RefusesEverythingElse) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      ":8080"sv,
                                      "127.0.0.1"sv,
                                      "127.0.0.1:"sv,
                                      "127.0.0.1:65536"sv,
                                      "127.0.0.1:-1"sv,
                                      "127.0.0.1:+1"sv,
                                      "127.0.0.1:080"sv,
                                      "127.0.0.1:80 "sv,
                                      " 127.0.0.1:80"sv,
                                      "127.0.0.1:8a"sv,
                                      "127.0.0:80"sv,
                                      "127.0.0.256:80"sv,
                                      "127.0.0.01:80"sv,
                                      "localhost:80"sv,
                                      "*:80"sv,
                                      "::1:80"sv,
                                      "[::1]80"sv,
                                      "[::1"sv,
                                      "[]:80"sv,
                                      "[:80"sv,
                                      "]:80"sv,
                                      "[127.0.0.1]:80"sv,
                                      "[::1%lo]:80"sv,
                                      "[[::1]]:80"sv,
                                      "127.0.0.1\0:80"sv}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

}  // namespace
}  // namespace bonedry::conf
