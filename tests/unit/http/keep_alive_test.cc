#include "proxy/http/keep_alive.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

namespace bonedry::http {
namespace {

using std::chrono::seconds;
std::optional<seconds> lifetime(const std::string& fields) {
  const test::ParsedResponse response("HTTP/1.1 200 OK\r\n" + fields + "\r\n");
  EXPECT_EQ(response.refusal(), "");
  return keep_alive_timeout(response.head);
}

TEST(KeepAliveTest, TheTimeoutIsTakenOutOfItsParameters) {
  EXPECT_EQ(lifetime("Keep-Alive: timeout=5\r\n"), seconds{5});
  EXPECT_EQ(lifetime("Keep-Alive: timeout=5, max=1000\r\n"), seconds{5});
  EXPECT_EQ(lifetime("keep-alive: max=99,TIMEOUT = 15\r\n"), seconds{15});
  EXPECT_EQ(lifetime("Keep-Alive: timeout=\"7\"; max=3\r\n"), seconds{7});
}

TEST(KeepAliveTest, TheShortestOfSeveralCounts) {
  EXPECT_EQ(lifetime("Keep-Alive: timeout=9\r\nKeep-Alive: timeout=4\r\n"), seconds{4});
  EXPECT_EQ(lifetime("Keep-Alive: timeout=9, max=0\r\n"), seconds{0});
  EXPECT_EQ(lifetime("Keep-Alive: timeout=0\r\n"), seconds{0});
}

TEST(KeepAliveTest, WhatIsNoNumberSaysNothing) {
  for (const char* value : {"", "timeout", "timeout=", "timeout=-1", "timeout=5s", "timeout=0x5",
                            "max=5", "5", "x-timeout=5", ";;,=,"}) {
    EXPECT_EQ(lifetime("Keep-Alive: " + std::string(value) + "\r\n"), std::nullopt) << value;
  }
  EXPECT_EQ(lifetime("Connection: keep-alive\r\n"), std::nullopt);
}

TEST(KeepAliveTest, AHugeOneIsLong) {
  EXPECT_GE(lifetime("Keep-Alive: timeout=99999999999999999999999999\r\n"), seconds{100'000});
}

}  // namespace
}  // namespace bonedry::http
