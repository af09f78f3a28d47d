#include "proxy/io/proxy_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::io {
namespace {

using Status = ProxyHeader::Status;
using std::string_literals::operator""s;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4Block = "\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"s;
const std::string kV6Block =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x08"
    "\xdc\x04\x01\xbb"s;

EndpointPair endpoints(const std::string& source, const std::string& destination) {
  return {{*parse_ip(source), 56324}, {*parse_ip(destination), 443}};
}

const EndpointPair kV4Route = endpoints("192.0.2.1", "198.51.100.7");
const EndpointPair kV6Route = endpoints("2001:db8::7", "2001:db8::8");

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8U & 0xffU), static_cast<char>(number & 0xffU)};
}

std::string v2(char command, char family, const std::string& block) {
  return kSignature + command + family + two_bytes(block.size()) + block;
}

std::string tlv(char type, const std::string& value) {
  return type + two_bytes(value.size()) + value;
}

/// An IPv4 header with a correct checksum, which was computed by another implementation.
std::string with_checksum() {
  return v2('\x21', '\x11', kV4Block + tlv('\x03', "\xd4\x5a\x11\xb9"s));
}

struct Good {
  std::string what;
  std::string bytes;
  ProxySource source;
  EndpointPair endpoints = {};
};

std::vector<Good> good_headers() {
  const auto announced = ProxySource::announced;
  const auto unknown = ProxySource::unknown;
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const EndpointPair last{{*parse_ip(longest), 65535}, {*parse_ip(longest), 65535}};
  return {
      {"v1 IPv4", "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", announced, kV4Route},
      {"v1 IPv6", "PROXY TCP6 2001:db8::7 2001:DB8:0::8 56324 443\r\n", announced, kV6Route},
      {"v1 IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.7 56324 443\r\n",
       announced, kV4Route},
      {"v1 ports at their bounds",
       "PROXY TCP4 192.0.2.1 198.51.100.7 0 65535\r\n",
       announced,
       {{kV4Route.source.address, 0}, {kV4Route.destination.address, 65535}}},
      {"v1 at its longest address", "PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n",
       announced, last},
      {"v1 of nobody", "PROXY UNKNOWN\r\n", unknown},
      {"v1 of nobody with more", "PROXY UNKNOWN any thing  goes\r\n", unknown},
      {"v1 of 107 bytes", "PROXY UNKNOWN " + longest + " " + longest + " 65535 65535\r\n", unknown},
      {"v2 IPv4", v2('\x21', '\x11', kV4Block), announced, kV4Route},
      {"v2 IPv6", v2('\x21', '\x21', kV6Block), announced, kV6Route},
      {"v2 with TLVs",
       v2('\x21', '\x11', kV4Block + tlv('\x01', "h2") + tlv('\x04', "") + tlv('\xea', "vpce")),
       announced, kV4Route},
      {"v2 with a checksum", with_checksum(), announced, kV4Route},
      {"v2 at its bound", v2('\x21', '\x21', kV6Block + tlv('\x20', std::string(4041, 'x'))),
       announced, kV6Route},
      {"v2 of itself", v2('\x20', '\0', ""), ProxySource::own},
      {"v2 of itself with what is ignored", v2('\x20', '\xff', "rubbish"), ProxySource::own},
      {"v2 of nobody", v2('\x21', '\0', ""), unknown},
      {"v2 of nobody with what is ignored", v2('\x21', '\0', "\x03\x00"s), unknown},
      {"v2 of a Unix socket", v2('\x21', '\x31', std::string(216, 'p')), unknown},
      {"v2 of datagrams", v2('\x21', '\x12', kV4Block), unknown},
      {"v2 of an unspecified transport", v2('\x21', '\x20', kV6Block), unknown}};
}

TEST(ProxyProtocolTest, ReadsGoodHeaders) {
  for (const Good& good : good_headers()) {
    const ProxyHeader header = parse_proxy_header(good.bytes + "GET / HTTP/1.1\r\n");
    ASSERT_EQ(header.status, Status::complete) << good.what << ": " << header.why;
    EXPECT_EQ(header.size, good.bytes.size()) << good.what;
    EXPECT_EQ(header.source, good.source) << good.what;
    EXPECT_EQ(header.endpoints, good.endpoints) << good.what;
  }
}

TEST(ProxyProtocolTest, AnyBeginningOfAGoodHeaderWaitsForMore) {
  for (const Good& good : good_headers()) {
    for (std::size_t size = 0; size < good.bytes.size(); ++size) {
      const ProxyHeader header = parse_proxy_header(good.bytes.substr(0, size));
      ASSERT_EQ(header.status, Status::more) << good.what << " at " << size << ": " << header.why;
    }
    EXPECT_EQ(parse_proxy_header(good.bytes).status, Status::complete) << good.what;
  }
}

struct Bad {
  std::string bytes;
  std::string why;
};

std::vector<Bad> bad_headers() {
  const std::string parts = "the line does not have two addresses and two ports";
  const std::string address = "an address does not match the family";
  const std::string port = "a port is not a number up to 65535";
  const std::string family = "the family is not TCP4, TCP6 or UNKNOWN";
  const std::string ending = "the line does not end with CR LF";
  const std::string v4 = "PROXY TCP4 192.0.2.1 198.51.100.7 ";
  return {{"GET / HTTP/1.1\r\n", "no PROXY header"},
          {"POST / HTTP/1.1\r\n", "no PROXY header"},
          {"proxy TCP4 ", "no PROXY header"},
          {"PROXY\tTCP4", "no PROXY header"},
          {"PROXY\r\n", "no PROXY header"},
          {" PROXY TCP4", "no PROXY header"},
          {"\r\nGET / HTTP/1.1\r\n", "no PROXY header"},
          {"\x16\x03\x01", "no PROXY header"},
          {"PROXY \r\n", family},
          {"PROXY  TCP4 192.0.2.1 198.51.100.7 1 2\r\n", family},
          {"PROXY TCP 192.0.2.1 198.51.100.7 1 2\r\n", family},
          {"PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n", family},
          {"PROXY tcp4 192.0.2.1 198.51.100.7 1 2\r\n", family},
          {"PROXY UNKNOWNS\r\n", family},
          {"PROXY TCP4\r\n", parts},
          {"PROXY TCP4 \r\n", parts},
          {v4 + "1\r\n", parts},
          {v4 + "1 2 \r\n", parts},
          {v4 + "1 2 3\r\n", parts},
          {v4 + " 1 2\r\n", parts},
          {"PROXY TCP4 192.0.2.1  198.51.100.7 1 2\r\n", parts},
          {"PROXY TCP4  192.0.2.1 198.51.100.7 1\r\n", address},
          {"PROXY TCP4 2001:db8::7 2001:db8::8 1 2\r\n", address},
          {"PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n", address},
          {"PROXY TCP4 192.0.2.1 ::1 1 2\r\n", address},
          {"PROXY TCP4 192.0.2.01 198.51.100.7 1 2\r\n", address},
          {"PROXY TCP4 192.0.2 198.51.100.7 1 2\r\n", address},
          {"PROXY TCP4 192.0.2.256 198.51.100.7 1 2\r\n", address},
          {"PROXY TCP6 2001:db8::7 2001:db8:::8 1 2\r\n", address},
          {"PROXY TCP6 [::1] [::1] 1 2\r\n", address},
          {"PROXY TCP6 fe80::1%lo ::1 1 2\r\n", address},
          {"PROXY TCP4 192.0.2.1\t 198.51.100.7 1 2\r\n", address},
          {"PROXY TCP4 localhost 198.51.100.7 1 2\r\n", address},
          {v4 + "01 2\r\n", port},
          {v4 + "1 02\r\n", port},
          {v4 + "00 2\r\n", port},
          {v4 + "65536 2\r\n", port},
          {v4 + "1 99999999999999999999\r\n", port},
          {v4 + "-1 2\r\n", port},
          {v4 + "+1 2\r\n", port},
          {v4 + "0x1 2\r\n", port},
          {v4 + "1 2a\r\n", port},
          {v4 + "1 \r\n", port},
          {v4 + "1 2\n", ending},
          {v4 + "1 2\rX", ending},
          {v4 + "1 2\r\r\n", ending},
          {v4 + "1\n2 3\r\n", ending},
          {"PROXY UNKNOWN a\nb\r\n", ending},
          {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "the line has more than 107 bytes"},
          {"PROXY UNKNOWN " + std::string(200, 'x'), "the line has more than 107 bytes"},
          {kSignature + "\x11", "the version is not 1 or 2"},
          {kSignature + "\x31", "the version is not 1 or 2"},
          {kSignature + "\x22", "the command is not LOCAL or PROXY"},
          {v2('\x21', '\x41', kV4Block), "unknown address family or transport"},
          {v2('\x21', '\x13', kV4Block), "unknown address family or transport"},
          {v2('\x21', '\x11', kV4Block.substr(1)), "the length is too short for the addresses"},
          {v2('\x21', '\x12', ""), "the length is too short for the addresses"},
          {v2('\x21', '\x21', kV4Block), "the length is too short for the addresses"},
          {v2('\x21', '\x31', std::string(215, 'p')), "the length is too short for the addresses"},
          {kSignature + "\x21\x11" + two_bytes(4081), "the header has more than 4096 bytes"},
          {kSignature + "\x20" + '\0' + "\xff\xff", "the header has more than 4096 bytes"},
          {v2('\x21', '\x11', kV4Block + '\x01'), "a TLV is truncated"},
          {v2('\x21', '\x11', kV4Block + tlv('\x01', "h2") + "\x01\x00"s), "a TLV is truncated"},
          {v2('\x21', '\x11', kV4Block + "\x01\x00\x03h2"s), "a TLV is truncated"},
          {v2('\x21', '\x31', std::string(216, 'p') + '\x01'), "a TLV is truncated"},
          {v2('\x21', '\x11', kV4Block + tlv('\x03', "\1\2\3\4")), "the checksum is wrong"},
          {v2('\x21', '\x11', kV4Block + tlv('\x03', "")), "the checksum is wrong"},
          {v2('\x21', '\x11', kV4Block + tlv('\x03', "\1\2\3\4\5")), "the checksum is wrong"}};
}

TEST(ProxyProtocolTest, RefusesBadHeaders) {
  for (const Bad& bad : bad_headers()) {
    const ProxyHeader header = parse_proxy_header(bad.bytes);
    EXPECT_EQ(header.status, Status::failed) << bad.bytes;
    EXPECT_EQ(header.why, bad.why) << bad.bytes;
  }
}

TEST(ProxyProtocolTest, ByteByByteABadHeaderIsNeverTakenForAGoodOne) {
  for (const Bad& bad : bad_headers()) {
    bool refused = false;
    for (std::size_t size = 0; size <= bad.bytes.size(); ++size) {
      const Status status = parse_proxy_header(bad.bytes.substr(0, size)).status;
      ASSERT_NE(status, Status::complete) << bad.bytes << " at " << size;
      ASSERT_FALSE(refused && status != Status::failed) << bad.bytes << " at " << size;
      refused = status == Status::failed;
    }
    EXPECT_TRUE(refused) << bad.bytes;
  }
}

TEST(ProxyProtocolTest, EveryFlippedBitOfASummedHeaderIsNoticed) {
  const std::string good = with_checksum();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const ProxyHeader header = parse_proxy_header(bytes);
    // The flipped bit may have disabled the checksum, or made the block be ignored.
    const bool says_so = bit / 8 == 12 || bit / 8 == 13 || bit / 8 == 28;
    EXPECT_TRUE(says_so || header.status != Status::complete) << bit;
  }
}

TEST(ProxyProtocolTest, NothingThatNeverEndsIsWaitedForBeyondTheBound) {
  for (const std::string& start : {"PROXY "s, "PROXY UNKNOWN "s, "PROXY TCP6 "s, kSignature,
                                   kSignature + "\x21\x11\x0f\xf0"s}) {
    const std::string bytes = start + std::string(kMaxProxyHeader, 'a');
    EXPECT_NE(parse_proxy_header(bytes).status, Status::more) << start;
  }
}

TEST(ProxyProtocolTest, WhatIsDecidedStaysDecidedWhateverFollows) {
  std::minstd_rand random{4711};
  for (const Good& good : good_headers()) {
    for (int round = 0; round < 200; ++round) {
      std::string bytes = good.bytes + "GET / HTTP/1.1\r\n";
      for (int change = 0; change < 3; ++change) {
        bytes[random() % std::min<std::size_t>(bytes.size(), 64)] = static_cast<char>(random());
      }
      const ProxyHeader whole = parse_proxy_header(bytes);
      const ProxyHeader beginning = parse_proxy_header(bytes.substr(0, random() % bytes.size()));
      EXPECT_LE(whole.size, bytes.size());
      if (beginning.status == Status::more) continue;
      EXPECT_EQ(beginning.status, whole.status);
      EXPECT_EQ(beginning.size, whole.size);
      EXPECT_EQ(beginning.endpoints, whole.endpoints);
    }
  }
}

TEST(ProxyProtocolTest, WritesVersion1) {
  EXPECT_EQ(proxy_header_v1(kV4Route), "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
  EXPECT_EQ(proxy_header_v1(kV6Route), "PROXY TCP6 2001:db8::7 2001:db8::8 56324 443\r\n");
  EXPECT_EQ(own_proxy_header_v1(), "PROXY UNKNOWN\r\n");
}

TEST(ProxyProtocolTest, WritesVersion2) {
  EXPECT_EQ(proxy_header_v2(kV4Route), v2('\x21', '\x11', kV4Block));
  EXPECT_EQ(proxy_header_v2(kV6Route), v2('\x21', '\x21', kV6Block));
  EXPECT_EQ(own_proxy_header_v2(), v2('\x20', '\0', ""));
}

TEST(ProxyProtocolTest, Version2TellsHowTheClientSpeaksTls) {
  TlsInfo tls;
  tls.version = "TLSv1.3";
  tls.cipher = "AES";
  const std::string described = "\x21\0\x07TLSv1.3"s + "\x23\0\x03"s + "AES";
  EXPECT_EQ(proxy_header_v2(kV4Route, &tls),
            v2('\x21', '\x11', kV4Block + "\x20\0\x15\x01\0\0\0\x01"s + described))
      << "no certificate: not verified";
  tls.server_name = "shop";
  tls.alpn = "h2";
  tls.peer_certificate = "DER";
  tls.peer_common_name = "ann";
  const std::string named = "\x01\0\x02h2\x02\0\x04shop"s;
  const std::string ann = "\x21\0\x07TLSv1.3"s + "\x22\0\x03"s + "ann" + "\x23\0\x03"s + "AES";
  EXPECT_EQ(proxy_header_v2(kV4Route, &tls),
            v2('\x21', '\x11', kV4Block + named + "\x20\0\x1b\x07\0\0\0\0"s + ann));
  tls.resumed = TlsInfo::Resumed::yes;
  const std::string header = proxy_header_v2(kV4Route, &tls);
  EXPECT_EQ(header, v2('\x21', '\x11', kV4Block + named + "\x20\0\x1b\x05\0\0\0\0"s + ann));
  EXPECT_EQ(parse_proxy_header(header).endpoints, kV4Route);
}

TEST(ProxyProtocolTest, OneFamilyHoldsBothEnds) {
  const EndpointPair mixed = endpoints("192.0.2.1", "2001:db8::8");
  EXPECT_EQ(proxy_header_v1(mixed), "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::8 56324 443\r\n");
  EXPECT_EQ(parse_proxy_header(proxy_header_v1(mixed)).endpoints, mixed);
  EXPECT_EQ(parse_proxy_header(proxy_header_v2(mixed)).endpoints, mixed);
}

TEST(ProxyProtocolTest, ReadsWhatItWrites) {
  for (const EndpointPair& each : {kV4Route, kV6Route}) {
    EXPECT_EQ(parse_proxy_header(proxy_header_v1(each)).endpoints, each);
    EXPECT_EQ(parse_proxy_header(proxy_header_v2(each)).endpoints, each);
  }
  EXPECT_EQ(parse_proxy_header(own_proxy_header_v1()).source, ProxySource::unknown);
  EXPECT_EQ(parse_proxy_header(own_proxy_header_v2()).source, ProxySource::own);
}

}  // namespace
}  // namespace bonedry::io
