#include "admin/haproxy/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::admin::haproxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Words> commands_of(std::string_view line) {
  const auto commands = split_commands(line);
  EXPECT_TRUE(commands) << line;
  return commands ? *commands : std::vector<Words>();
}

TEST(HaproxyLine, TheFirstWordTellsWhoseALineIs) {
  for (const std::string_view line :
       {"show stat", "SHOW STAT", " show stat -1 4 -1", "show info;show stat", "help;show stat",
        "set severity-output number;help", "prompt", "quit", "enable server a/b", "@1 show info",
        "@@1 help", ";show stat", "clear counters", "add server shop/carol 127.0.0.1:1"}) {
    EXPECT_TRUE(is_haproxy_line(line)) << line;
  }
  for (const std::string_view line :
       {"help", "status", "version json", "wait alice;bob", "bleed alice --reason \"a; set b\"",
        "help show", "frobnicate", "frobnicate;show stat", "", ";", "GET / HTTP/1.1",
        "get / HTTP/1.0"}) {
    EXPECT_FALSE(is_haproxy_line(line)) << line;
  }
}

TEST(HaproxyLine, SemicolonsPartCommandsAndBlanksPartWords) {
  EXPECT_THAT(commands_of("get weight\ta/b; disable  server a/b"),
              ElementsAre(Words{"get", "weight", "a/b"}, Words{"disable", "server", "a/b"}));
  EXPECT_THAT(commands_of("show info;show stat"),
              ElementsAre(Words{"show", "info"}, Words{"show", "stat"}));
}

TEST(HaproxyLine, ABackslashKeepsTheNextCharacter) {
  EXPECT_THAT(commands_of(R"(set server a/b addr x\;y\ z\\ \a)"),
              ElementsAre(Words{"set", "server", "a/b", "addr", "x;y z\\", "a"}));
  EXPECT_THAT(commands_of("a\\"), ElementsAre(Words{"a\\"}));
}

TEST(HaproxyLine, CommandsWithoutWordsAreLeftOut) {
  EXPECT_THAT(commands_of(""), IsEmpty());
  EXPECT_THAT(commands_of(" ; ;;\t"), IsEmpty());
  EXPECT_THAT(commands_of(";quit;"), ElementsAre(Words{"quit"}));
}

TEST(HaproxyLine, TheWorkerIsLeftOut) {
  EXPECT_THAT(
      commands_of("@1 set severity-output number;@1 show info;quit"),
      ElementsAre(Words{"set", "severity-output", "number"}, Words{"show", "info"}, Words{"quit"}));
  EXPECT_THAT(commands_of("@1;@!4 help"), ElementsAre(Words{"help"}));
  EXPECT_THAT(commands_of(R"(\@1 x)"), ElementsAre(Words{"@1", "x"}));
}

TEST(HaproxyLine, ACommandHasABoundedNumberOfWords) {
  std::string line;
  for (std::size_t i = 0; i < kMaxWords; ++i) line += "a ";
  EXPECT_EQ(commands_of(line + ";b").size(), 2U);
  EXPECT_FALSE(split_commands(line + "a"));
}

TEST(HaproxyLine, NumbersAreWholeWords) {
  EXPECT_EQ(parse_number("-1"), -1);
  for (const std::string_view word : {"", "1x", " 1", "+1", "1.0", "99999999999999999999"}) {
    EXPECT_FALSE(parse_number(word)) << word;
  }
}

}  // namespace
}  // namespace bonedry::admin::haproxy
