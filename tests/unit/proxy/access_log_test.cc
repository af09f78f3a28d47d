#include "proxy/access_log.h"

#include "proxy/base/file.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace bonedry::proxy {
namespace {

using nlohmann::json;

/// A log in a file of its own, read when it is complete.
class AccessLogTest : public testing::Test {
 protected:
  /// The line of an entry, without its line end.
  [[nodiscard]] std::string line_of(const AccessEntry& entry,
                                    conf::AccessFormat format = conf::AccessFormat::json) const {
    conf::Log config;
    config.access = directory_ / "access.log";
    std::filesystem::remove(config.access);
    config.format = format;
    {
      AccessLog log(config);
      log.add_queue().write(entry);
    }
    std::string text = *read_file(config.access);
    EXPECT_TRUE(text.ends_with('\n'));
    text.pop_back();
    return text;
  }
  [[nodiscard]] json json_of(const AccessEntry& entry) const { return json::parse(line_of(entry)); }

  const bonedry::test::TemporaryDirectory directory_;
};

AccessEntry click() {
  AccessEntry entry;
  entry.at = WallTime{1'700'000'000'123};
  entry.client = "192.0.2.7";
  entry.method = "GET";
  entry.target = "/cart";
  entry.host = "shop.example";
  entry.listener = "0.0.0.0:8080";
  entry.status = 200;
  entry.bytes_out = 12;
  entry.duration = Millis{50};
  entry.pool = "shop";
  entry.node = "alice";
  entry.user_agent = "curl/8.0";
  entry.referer = "http://shop.example/";
  return entry;
}

TEST_F(AccessLogTest, WhoAskedWhomForWhatAndWhere) {
  const json line = json_of(click());
  EXPECT_EQ(line.at("time"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(line.at("host"), "shop.example");
  EXPECT_EQ(line.at("listener"), "0.0.0.0:8080");
  EXPECT_EQ(line.at("user_agent"), "curl/8.0");
  EXPECT_EQ(line.at("referer"), "http://shop.example/");
  EXPECT_FALSE(line.contains("pass"));
  EXPECT_FALSE(line.contains("request_id"));
  EXPECT_FALSE(line.contains("trace_id"));
}

TEST_F(AccessLogTest, PhasesThatHappened) {
  AccessEntry entry = click();
  json line = json_of(entry);
  EXPECT_EQ(line.at("duration_ms"), 50);
  for (const char* const phase : {"queue_ms", "connect_ms", "first_byte_ms"}) {
    EXPECT_FALSE(line.contains(phase)) << phase;
  }
  entry.phases = {Millis{1}, Millis{0}, Millis{30}};
  line = json_of(entry);
  EXPECT_EQ(line.at("queue_ms"), 1);
  EXPECT_EQ(line.at("connect_ms"), 0);
  EXPECT_EQ(line.at("first_byte_ms"), 30);
}

TEST_F(AccessLogTest, WhatOnlySomeRequestsHave) {
  AccessEntry entry = click();
  entry.pass = WithPass::yes;
  entry.request_id = "abc-1";
  entry.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const json line = json_of(entry);
  EXPECT_EQ(line.at("pass"), true);
  EXPECT_EQ(line.at("request_id"), "abc-1");
  EXPECT_EQ(line.at("trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_F(AccessLogTest, TextOfAClientIsEscapedAndCutOff) {
  AccessEntry entry = click();
  entry.user_agent = "a\"b\\c\nd\x80";
  const std::string host(2000, 'x');
  entry.host = host;
  const json line = json_of(entry);
  EXPECT_EQ(line.at("user_agent"), "a\"b\\c\nd\u0080");
  EXPECT_EQ(line.at("host"), std::string(1024, 'x') + "...");
}

TEST_F(AccessLogTest, TheCombinedFormatIsThatOfApache) {
  AccessEntry entry = click();
  entry.request_id = "abc-1";
  entry.phases.connect = Millis{3};
  EXPECT_EQ(line_of(entry, conf::AccessFormat::combined),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /cart HTTP/1.1\" 200 12 "
            "\"http://shop.example/\" \"curl/8.0\"");
}

}  // namespace
}  // namespace bonedry::proxy
