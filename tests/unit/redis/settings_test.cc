#include "proxy/redis/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

Settings parsed(const std::string& url, const std::vector<conf::Address>& sentinels = {}) {
  const auto settings = parse_store_url(url, sentinels);
  EXPECT_TRUE(settings) << url << ": " << settings.error();
  return settings ? *settings : Settings{};
}

std::string error_of(const std::string& url, const std::vector<conf::Address>& sentinels = {}) {
  const auto settings = parse_store_url(url, sentinels);
  return settings ? "" : settings.error();
}

conf::Address address_in(const Settings& settings) {
  const auto* const address = std::get_if<conf::Address>(&settings.store);
  return address == nullptr ? conf::Address{} : *address;
}

TEST(SettingsTest, AServer) {
  const Settings settings = parsed("redis://10.0.0.5:6380/3");
  EXPECT_EQ(address_in(settings), (conf::Address{"10.0.0.5", 6380}));
  EXPECT_EQ(settings.database, 3U);
  EXPECT_EQ(settings.username, "");
  EXPECT_EQ(settings.password, "");
  EXPECT_FALSE(settings.tls);
}

TEST(SettingsTest, PortAndDatabaseMayBeMissing) {
  const conf::Address usual{"10.0.0.5", 6379};
  for (const char* const url : {"redis://10.0.0.5", "redis://10.0.0.5/", "redis://10.0.0.5/0"}) {
    EXPECT_EQ(address_in(parsed(url)), usual) << url;
    EXPECT_EQ(parsed(url).database, 0U) << url;
  }
  EXPECT_EQ(address_in(parsed("redis://[::1]")), (conf::Address{"::1", 6379}));
  EXPECT_EQ(address_in(parsed("redis://[::1]:1/2")), (conf::Address{"::1", 1}));
}

TEST(SettingsTest, RedissIsTls) {
  const Settings settings = parsed("rediss://10.0.0.5:6380/3");
  EXPECT_EQ(address_in(settings), (conf::Address{"10.0.0.5", 6380}));
  EXPECT_EQ(settings.tls, conf::PoolTls{}) << "verified, by the system's authorities";
}

TEST(SettingsTest, AUnixSocket) {
  EXPECT_EQ(std::get<UnixPath>(parsed("unix:///run/redis.sock").store).path, "/run/redis.sock");
  const Settings settings = parsed("unix:///run/redis.sock?db=2");
  EXPECT_EQ(std::get<UnixPath>(settings.store).path, "/run/redis.sock");
  EXPECT_EQ(settings.database, 2U);
}

TEST(SettingsTest, WithSentinelsTheHostIsTheNameOfTheSet) {
  const Settings settings = parsed("redis://my-set/1", {{"10.0.0.1", 26379}, {"::1", 26380}});
  const auto& set = std::get<WatchedSet>(settings.store);
  EXPECT_EQ(set.name, "my-set");
  EXPECT_EQ(set.sentinels, (std::vector<conf::Address>{{"10.0.0.1", 26379}, {"::1", 26380}}));
  EXPECT_EQ(settings.database, 1U);
}

TEST(SettingsTest, NamesAreNotResolved) {
  EXPECT_THAT(error_of("redis://redis.internal:6379/0"),
              HasSubstr("\"redis.internal:6379\" is not a numeric IP address and a port from 1 to "
                        "65535; host names are not resolved"));
}

TEST(SettingsTest, SaysWhatIsWrong) {
  EXPECT_THAT(error_of("10.0.0.5:6379"), HasSubstr("redis://10.0.0.5:6379/0"));
  EXPECT_THAT(error_of("http://10.0.0.5"), HasSubstr("rediss://"));
  EXPECT_THAT(error_of(""), HasSubstr("unix:///"));
  EXPECT_THAT(error_of("redis://10.0.0.5:0"), HasSubstr("port from 1"));
  EXPECT_THAT(error_of("redis://10.0.0.5:99999"), HasSubstr("port from 1"));
  EXPECT_THAT(error_of("redis://10.0.0.5/x"), HasSubstr("\"x\" is not the number of a database"));
  EXPECT_THAT(error_of("redis://10.0.0.5/1/2"), HasSubstr("\"1/2\" is not the number"));
  EXPECT_THAT(error_of("redis://10.0.0.5/-1"), HasSubstr("\"-1\" is not the number"));
  EXPECT_THAT(error_of("unix://run/redis.sock"), HasSubstr("must be absolute"));
  EXPECT_THAT(error_of("unix:///" + std::string(108, 'x')), HasSubstr("too long"));
  EXPECT_THAT(error_of("unix:///run/redis.sock", {{"10.0.0.1", 26379}}), HasSubstr("Unix socket"));
  EXPECT_THAT(error_of("redis://10.0.0.5:6379", {{"10.0.0.1", 26379}}),
              HasSubstr("name of a primary"));
}

TEST(SettingsTest, NoErrorShowsAPassword) {
  for (const char* const url : {"redis://user:hidden@10.0.0.5", "rediss://:hidden@10.0.0.5/x"}) {
    EXPECT_THAT(error_of(url), HasSubstr("not part of the URL"));
    EXPECT_THAT(error_of(url), Not(HasSubstr("hidden")));
  }
}

}  // namespace
}  // namespace bonedry::redis
