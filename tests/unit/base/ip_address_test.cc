#include "proxy/base/ip_address.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bonedry {
namespace {

TEST(IpAddressTest, ReadsWhatItWrites) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7",
                           "fe80::1:2:3:4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    const auto address = parse_ip(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
}

TEST(IpAddressTest, IsTheSameHoweverItIsWritten) {
  EXPECT_EQ(parse_ip("::ffff:192.0.2.1"), parse_ip("192.0.2.1"));
  EXPECT_EQ(parse_ip("0:0:0:0:0:FFFF:c000:0201"), parse_ip("192.0.2.1"));
  EXPECT_EQ(to_string(*parse_ip("::ffff:192.0.2.1")), "192.0.2.1");
  EXPECT_TRUE(parse_ip("::ffff:192.0.2.1")->is_v4());
  EXPECT_FALSE(parse_ip("::192.0.2.1")->is_v4()) << "IPv4-compatible is not IPv4-mapped";
  EXPECT_EQ(mapped({192, 0, 2, 1}), parse_ip("192.0.2.1"));
}

TEST(IpAddressTest, RefusesEverythingElse) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {""sv,          "1"sv,
        "1.2.3"sv,     "1.2.3.4.5"sv,
        "1.2.3.256"sv, "01.2.3.4"sv,
        "1.2.3.04"sv,  "0x1.2.3.4"sv,
        " 1.2.3.4"sv,  "1.2.3.4 "sv,
        "1.2.3.4\0"sv, "1.2.3.4:80"sv,
        "[::1]"sv,     "::1%lo"sv,
        ":::"sv,       "1::2::3"sv,
        "12345::"sv,   "g::"sv,
        "localhost"sv, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"sv}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

}  // namespace
}  // namespace bonedry
