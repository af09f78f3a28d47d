#include "proxy/forwarded_client.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

constexpr const char* kPeer = "10.0.0.9";

/// The client of a request with these X-Forwarded-For fields.
std::string client_of(const std::vector<std::string>& lists) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (const std::string& list : lists) text += "X-Forwarded-For: " + list + "\r\nX-Other: 1\r\n";
  const http::test::ParsedRequest request(text + "\r\n");
  const std::vector<conf::Network> trusted{*conf::parse_network("10.0.0.0/8"),
                                           *conf::parse_network("fd00::/8")};
  return std::string(forwarded_client(request.head, kPeer, trusted));
}

TEST(ForwardedClientTest, IsThePeerWhenNothingIsSaid) {
  EXPECT_EQ(client_of({}), kPeer);
  EXPECT_EQ(client_of({""}), kPeer);
  EXPECT_EQ(client_of({" , ,"}), kPeer);
}

TEST(ForwardedClientTest, IsTheLastThatIsNoTrustedProxy) {
  EXPECT_EQ(client_of({"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client_of({"192.0.2.1, 10.0.0.1"}), "192.0.2.1");
  EXPECT_EQ(client_of({"192.0.2.1,10.0.0.1 ,fd00::1,"}), "192.0.2.1");
  EXPECT_EQ(client_of({"2001:db8::1, ::ffff:10.0.0.1"}), "2001:db8::1");
}

TEST(ForwardedClientTest, WhatTheClientItselfWroteIsNotBelieved) {
  EXPECT_EQ(client_of({"10.0.0.1, 198.51.100.7, 192.0.2.1, 10.0.0.2"}), "192.0.2.1");
}

TEST(ForwardedClientTest, SeveralFieldsAreOneList) {
  EXPECT_EQ(client_of({"198.51.100.7", "192.0.2.1", "10.0.0.1, 10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client_of({"192.0.2.1", ""}), "192.0.2.1");
}

TEST(ForwardedClientTest, IsTheFirstProxyWhenAllAreTrusted) {
  EXPECT_EQ(client_of({"10.0.0.1, 10.0.0.2"}), "10.0.0.1");
}

TEST(ForwardedClientTest, APortIsNotPartOfTheClient) {
  EXPECT_EQ(client_of({"192.0.2.1:4711"}), "192.0.2.1");
  EXPECT_EQ(client_of({"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(client_of({"[2001:db8::1]"}), "2001:db8::1");
  EXPECT_EQ(client_of({"198.51.100.7, 192.0.2.1:65535, 10.0.0.1:80, [fd00::1]:443"}), "192.0.2.1");
  EXPECT_EQ(client_of({"192.0.2.1, [::ffff:10.0.0.1]:80"}), "192.0.2.1");
  EXPECT_EQ(client_of({"10.0.0.1:80"}), "10.0.0.1");
}

TEST(ForwardedClientTest, WhatIsNoAddressEndsTheSearch) {
  EXPECT_EQ(client_of({"unknown"}), kPeer);
  EXPECT_EQ(client_of({"192.0.2.1, unknown, 10.0.0.1"}), "10.0.0.1");
  for (const char* entry :
       {"192.0.2.1:x", "192.0.2.1:65536", "192.0.2.1:1:2", ":80", "[192.0.2.1]:80", "[::1",
        "::1]:80", "[::1]80", "[::1]:-1", "[]:80", "a.example:80", "192.0.2.1 :80"}) {
    EXPECT_EQ(client_of({entry}), kPeer) << entry;
  }
  EXPECT_EQ(client_of({"\"192.0.2.1\""}), kPeer);
}

}  // namespace
}  // namespace bonedry::proxy
