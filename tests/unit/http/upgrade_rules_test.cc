// Switching protocols (RFC 9110, section 7.8): who may request it, who may accept it, and what is
// sent.
#include "proxy/http/rules.h"
#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::http {
namespace {

using test::ParsedRequest;
using test::ParsedResponse;

std::string upgrade_asked(const std::string& lines, const std::string& first = "GET / HTTP/1.1") {
  const ParsedRequest request(first + "\r\nHost: a\r\n" + lines + "\r\n");
  return std::string(request.facts().upgrade);
}

TEST(UpgradeRulesTest, AClientMayAskForOneProtocolThatConnectionNames) {
  EXPECT_EQ(upgrade_asked("Connection: Upgrade\r\nUpgrade: websocket\r\n"), "websocket");
  EXPECT_EQ(upgrade_asked("Upgrade: WebSocket\r\nConnection: keep-alive, uPGRADE\r\n"),
            "WebSocket");
  EXPECT_EQ(upgrade_asked("Connection: close\r\nConnection: upgrade\r\nUpgrade: irc/6.9\r\n"),
            "irc/6.9");
}

TEST(UpgradeRulesTest, AnythingElseIsNoQuestion) {
  EXPECT_EQ(upgrade_asked("Upgrade: websocket\r\n"), "") << "Connection does not name it";
  EXPECT_EQ(upgrade_asked("Connection: upgrade\r\n"), "");
  EXPECT_EQ(upgrade_asked("Connection: upgrade\r\nUpgrade:\r\n"), "");
  EXPECT_EQ(upgrade_asked("Connection: upgrade\r\nUpgrade: a, b\r\n"), "") << "a choice";
  EXPECT_EQ(upgrade_asked("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"), "");
  const std::string both = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  EXPECT_EQ(upgrade_asked(both, "GET / HTTP/1.0"), "") << "not in HTTP/1.0";
  EXPECT_EQ(upgrade_asked(both, "HEAD / HTTP/1.1"), "");
  EXPECT_EQ(upgrade_asked(both + "Content-Length: 5\r\n", "POST / HTTP/1.1"), "")
      << "the switch comes behind the whole request";
}

TEST(UpgradeRulesTest, ANodeSwitchesWhenAskedAndSaysToWhat) {
  const std::string lines = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  const ParsedResponse response("HTTP/1.1 101 Switching Protocols\r\n" + lines + "\r\n");
  const auto facts = validate_response(response.head, RequestKind::upgrade);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->upgrade, "websocket");
  EXPECT_EQ(facts->framing.kind, FramingKind::tunnel);
  EXPECT_FALSE(facts->interim) << "nothing comes behind it";
  EXPECT_FALSE(validate_response(response.head, RequestKind::other)) << "unasked";
  for (const char* mute : {"", "Connection: upgrade\r\n", "Upgrade: websocket\r\n"}) {
    const ParsedResponse other("HTTP/1.1 101 Switching Protocols\r\n" + std::string(mute) + "\r\n");
    EXPECT_FALSE(validate_response(other.head, RequestKind::upgrade)) << mute;
  }
}

TEST(UpgradeRulesTest, ANodeThatWasAskedMayStillJustAnswer) {
  const ParsedResponse response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  const auto facts = validate_response(response.head, RequestKind::upgrade);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->framing.kind, FramingKind::length);
  EXPECT_TRUE(facts->upgrade.empty());
}

}  // namespace
}  // namespace bonedry::http
