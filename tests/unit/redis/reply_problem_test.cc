#include "proxy/redis/reply_problem.h"

#include "proxy/redis/server_info.h"
#include "tests/unit/redis/sound_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::redis {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(StoreProblemTest, TheStoreCannotBeUsed) {
  const std::vector<std::pair<std::string, std::string>> problems{
      {"NOAUTH Authentication required.", "asks for a password"},
      {"WRONGPASS invalid username-password pair or user is disabled.",
       "wrong username or password"},
      {"NOPERM this user has no permissions to run the 'info' command", "run the 'info' command"},
      {"LOADING Redis is loading the dataset in memory", "loading"},
      {"READONLY You can't write against a read only replica.", "has become a replica"},
      {"MISCONF Redis is configured to save RDB snapshots, but", "cannot save"},
      {"OOM command not allowed when used memory > 'maxmemory'.", "full"},
      {"OOM command not allowed when used memory > 'maxmemory'. script: 3a, on @user_script:1.",
       "full"},
      {"NOREPLICAS Not enough good replicas to write.", "too few good replicas"},
      {"MASTERDOWN Link with MASTER is down", "lost its primary"},
      {"BUSY Redis is busy running a script.", "busy"},
      {"DENIED Redis is running in protected mode", "protected mode"},
      {"MOVED 3999 127.0.0.1:6381", "Redis Cluster"},
      {"CLUSTERDOWN Hash slot not served", "Redis Cluster"},
      {"ERR max number of clients reached", "maxclients"}};
  for (const auto& [error, line] : problems) {
    EXPECT_THAT(store_problem(error), Optional(HasSubstr(line))) << error;
  }
}

TEST(StoreProblemTest, IsTheAnswerToOneCommand) {
  for (const char* const error :
       {"NOSCRIPT No matching script.", "WRONGTYPE Operation against a key", "ERR syntax error",
        "ERR unknown command 'FOO'", "BUSYGROUP Consumer Group name already exists",
        "BUSYKEY Target key name already exists.", "EXECABORT Transaction discarded", ""}) {
    EXPECT_EQ(store_problem(error), std::nullopt) << error;
  }
}

TEST(StoreProblemTest, WhatAServerSaysCannotSpoilALine) {
  const std::string line = *store_problem("NOPERM \x1b[31m\n\"" + std::string(1000, 'x'));
  EXPECT_LT(line.size(), 200U);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(ForeignProgramTest, SaysWhatIsThere) {
  EXPECT_THAT(foreign_program("HTTP/1.1 400 Bad Request\r\n"), HasSubstr("HTTP server"));
  EXPECT_THAT(foreign_program("\x15\x03\x01"), HasSubstr("rediss://"));
  EXPECT_THAT(foreign_program("220 mail ESMTP\r\n"), HasSubstr("\"220 mail ESMTP??\""));
  EXPECT_THAT(foreign_program(""), HasSubstr("another program"));
}

TEST(InfoProblemTest, ASoundPrimaryHasNone) {
  EXPECT_EQ(info_problem(sound_info()), std::nullopt);
  EXPECT_EQ(info_problem(sound_info("redis_mode:standalone", "server_mode:standalone")),
            std::nullopt);
  EXPECT_EQ(info_problem(sound_info("redis_version:7.2.4", "redis_version:255.0.0")), std::nullopt);
}

TEST(InfoProblemTest, SaysWhatIsWrong) {
  const auto with = [](const std::string& from, const std::string& to) {
    return info_problem(sound_info(from, to)).value_or("");
  };
  EXPECT_EQ(with("redis_version:7.2.4", "redis_version:6.2.14"),
            "it is Redis 6.2.14, and 7.0 or newer is needed");
  EXPECT_THAT(with("redis_version:7.2.4", "version:1"), HasSubstr("another program"));
  EXPECT_THAT(with("redis_version:7.2.4", "redis_version:x"), HasSubstr("7.0 or newer"));
  EXPECT_THAT(with("redis_mode:standalone", "redis_mode:sentinel"), HasSubstr("sentinel"));
  EXPECT_THAT(with("redis_mode:standalone", "redis_mode:cluster"), HasSubstr("Redis Cluster"));
  for (const char* const mode : {"sentinel", "cluster"}) {
    EXPECT_EQ(with("redis_mode:standalone", "server_mode:" + std::string(mode)),
              with("redis_mode:standalone", "redis_mode:" + std::string(mode)))
        << "Valkey's name for it";
  }
  EXPECT_THAT(with("role:master", "x:y"), HasSubstr("no role"));
  EXPECT_EQ(with("role:master", "role:slave\r\nmaster_host:10.0.0.6\r\nmaster_port:6379"),
            "it is a replica of 10.0.0.6 port 6379, and the primary is needed");
  EXPECT_THAT(with("loading:0", "loading:1"), HasSubstr("loading"));
  EXPECT_EQ(with("maxmemory_policy:noeviction", "maxmemory_policy:allkeys-lru"),
            "its maxmemory-policy must be noeviction, so that it drops no sessions, but is "
            "\"allkeys-lru\"");
  EXPECT_THAT(with("maxmemory_policy:noeviction", "x:y"), HasSubstr("noeviction"));
  EXPECT_THAT(with("maxmemory:0", "maxmemory:999999"), HasSubstr("full"));
  EXPECT_THAT(with("maxmemory:0", "maxmemory:1000000"), "");
  EXPECT_THAT(with("run_id:abc", "x:y"), HasSubstr("run_id"));
}

TEST(InfoProblemTest, AnyTextIsRead) {
  for (const char* const info : {"", "\r\n", ":", "role", "\r\n\r\n\r\n:x", "redis_version:"}) {
    EXPECT_THAT(info_problem(info), Optional(HasSubstr("another program"))) << info;
  }
}

TEST(InfoProblemTest, AFieldHasItsWholeName) {
  EXPECT_EQ(info_field("xrole:1\r\nrolex:2\r\nrole:3\r\n", "role"), "3");
  EXPECT_EQ(info_field("role:3", "role"), "3");
  EXPECT_EQ(info_field("role:\r\n", "role"), "");
}

}  // namespace
}  // namespace bonedry::redis
