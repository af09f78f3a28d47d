#include "proxy/redis/greeting.h"

#include "tests/unit/redis/sound_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bonedry::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Reply::Kind;

const Reply kOk{.kind = Kind::status, .text = "OK"};

Reply error(const std::string& text) {
  return {.kind = Kind::error, .text = text};
}
Reply info(const std::string& text = sound_info()) {
  return {.kind = Kind::text, .text = text};
}

Settings with(const std::string& username, const std::string& password, unsigned database) {
  Settings settings;
  settings.username = username;
  settings.password = password;
  settings.database = database;
  return settings;
}

TEST(GreetingTest, SaysWhatIsNeeded) {
  EXPECT_THAT(greeting(with("", "", 0)), ElementsAre(Words{"INFO"}, Words{"PING"}));
  EXPECT_THAT(greeting(with("", "secret", 2)), ElementsAre(Words{"AUTH", "secret"}, Words{"INFO"},
                                                           Words{"SELECT", "2"}, Words{"PING"}));
  EXPECT_THAT(greeting(with("bonedry", "secret", 0)),
              ElementsAre(Words{"AUTH", "bonedry", "secret"}, Words{"INFO"}, Words{"PING"}));
}

TEST(GreetingTest, TheRunIdIsKept) {
  EXPECT_EQ(*evaluate_greeting(with("", "", 0), {info(), kOk}), "abc");
  EXPECT_EQ(*evaluate_greeting(with("", "x", 1), {kOk, info(), kOk, kOk}), "abc");
}

TEST(GreetingTest, SaysWhatIsWrong) {
  EXPECT_EQ(
      evaluate_greeting(with("", "", 99), {info(), error("ERR DB index is out of range"), kOk})
          .error(),
      "no database 99: \"ERR DB index is out of range\"");
  EXPECT_THAT(
      evaluate_greeting(with("", "x", 0),
                        {error("ERR AUTH <password> called without any password"), info(), kOk})
          .error(),
      HasSubstr("it has no password, but one is configured here"));
  EXPECT_THAT(
      evaluate_greeting(with("", "", 0), {error("ERR unknown command 'INFO'"), kOk}).error(),
      HasSubstr("refuses INFO"));
  EXPECT_THAT(evaluate_greeting(with("", "", 0), {kOk, kOk}).error(), HasSubstr("another program"));
}

TEST(GreetingTest, AStoreThatIsAlmostFullIsFull) {
  const auto error_with = [](const std::string& most) {
    const Result<std::string> id =
        evaluate_greeting(with("", "", 0), {info(sound_info("maxmemory:0", most)), kOk});
    return id ? "" : id.error();
  };
  EXPECT_EQ(error_with("maxmemory:1100000"), "it is full: its maxmemory is used up");
  EXPECT_EQ(error_with("maxmemory:1150000"), "");
  EXPECT_EQ(error_with("maxmemory:0"), "");
}

TEST(GreetingTest, OfALargeStoreAMegabyteMustBeFree) {
  const auto id_with = [](const std::string& used) {
    return evaluate_greeting(with("", "", 0),
                             {info(sound_info("used_memory:1000000\r\nmaxmemory:0",
                                              "used_memory:" + used + "\r\nmaxmemory:100000000")),
                              kOk});
  };
  EXPECT_TRUE(id_with("98900000"));
  EXPECT_FALSE(id_with("99000000"));
}

TEST(GreetingTest, WhatTheServerIsExplainsItsRefusals) {
  EXPECT_THAT(evaluate_greeting(with("", "", 1),
                                {info(sound_info("redis_mode:standalone", "redis_mode:sentinel")),
                                 error("ERR unknown command 'SELECT'"), kOk})
                  .error(),
              HasSubstr("it is a sentinel"));
}

}  // namespace
}  // namespace bonedry::redis
