#include "conf/network.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace bonedry::conf {
namespace {

bool holds(std::string_view network, std::string_view address) {
  const auto parsed = parse_network(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && parsed->contains(*parse_ip(address));
}

TEST(NetworkTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1", "10.0.0.0/8", "10.128.0.0/9", "0.0.0.0/0", "192.0.2.254/31",
                           "::1", "fd00::/8", "::/0", "2001:db8::/127"}) {
    const auto network = parse_network(text);
    ASSERT_TRUE(network) << text;
    EXPECT_EQ(to_string(*network), text);
  }
  EXPECT_EQ(to_string(*parse_network("10.1.2.3/32")), "10.1.2.3");
  EXPECT_EQ(to_string(*parse_network("::1/128")), "::1");
}

TEST(NetworkTest, HoldsWhatSharesItsPrefix) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.0.0.0"));
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  EXPECT_FALSE(holds("10.0.0.0/8", "9.255.255.255"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.255"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(holds("192.0.2.4/30", "192.0.2.7"));
  EXPECT_FALSE(holds("192.0.2.4/30", "192.0.2.8"));
  EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.9"));
  EXPECT_TRUE(holds("fd00::/8", "fdff::1"));
  EXPECT_FALSE(holds("fd00::/8", "fe00::1"));
  EXPECT_TRUE(holds("2001:db8:8000::/33", "2001:db8:ffff::1"));
  EXPECT_FALSE(holds("2001:db8:8000::/33", "2001:db8:7fff::1"));
}

TEST(NetworkTest, Ipv4InIpv6CountsAsIpv4) {
  EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_EQ(parse_network("::ffff:10.0.0.0/104"), parse_network("10.0.0.0/8"));
  EXPECT_FALSE(holds("::/0", "10.1.2.3")) << "who trusts all of IPv6 has not said so of IPv4";
  EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
}

TEST(NetworkTest, RefusesEverythingElse) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text : {""sv,
                                      "/"sv,
                                      "/8"sv,
                                      "10/8"sv,
                                      "10.0.0.0/"sv,
                                      "10.0.0.0/33"sv,
                                      "10.0.0.0/08"sv,
                                      "10.0.0.0/-1"sv,
                                      "10.0.0.0/+8"sv,
                                      "10.0.0.0/8 "sv,
                                      "10.0.0.0 /8"sv,
                                      "10.0.0.0/8/8"sv,
                                      "10.0.0.0/255.0.0.0"sv,
                                      "10.0.0.1/8"sv,
                                      "10.0.0.0/99999999999"sv,
                                      "fd00::/129"sv,
                                      "fd00::1/8"sv,
                                      "[fd00::]/8"sv,
                                      "::ffff:0:0/90"sv,
                                      "localhost"sv,
                                      "10.0.0.0\0/8"sv}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

TEST(NetworkTest, ClearsHostBits) {
  const auto around = [](std::string_view text) {
    const auto network = enclosing_network(text);
    return network ? to_string(*network) : "none";
  };
  EXPECT_EQ(around("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_EQ(around("10.1.2.3/0"), "0.0.0.0/0");
  EXPECT_EQ(around("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(around("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(around("fd00::1/8"), "fd00::/8");
  EXPECT_EQ(around("::ffff:10.1.2.3/104"), "10.0.0.0/8");
  EXPECT_EQ(around("::ffff:10.1.2.3/80"), "::/80");
  EXPECT_EQ(around("10.0.0.0/33"), "none");
  EXPECT_EQ(around("localhost/8"), "none");
}

TEST(NetworkTest, OneOfManyIsEnough) {
  const std::array networks{*parse_network("10.0.0.0/8"), *parse_network("fd00::/8")};
  EXPECT_TRUE(any_contains(networks, *parse_ip("fd00::1")));
  EXPECT_FALSE(any_contains(networks, *parse_ip("192.0.2.1")));
  EXPECT_FALSE(any_contains({}, *parse_ip("10.0.0.1")));
}

}  // namespace
}  // namespace bonedry::conf
