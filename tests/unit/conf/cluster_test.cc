// [cluster].
#include "config_text.h"

namespace bonedry::conf::test {
namespace {

constexpr const char* kShared = "[server]\nsecrets = ['0123456789abcdef0123456789abcdef']\n";

std::string in_cluster(std::string_view text) {
  return beside_a_pool(kShared + std::string("[cluster]\n") + std::string{text});
}

TEST(ClusterTest, WithoutItThereIsNone) {
  EXPECT_FALSE(load(beside_a_pool("")).config.cluster);
}

TEST(ClusterTest, Defaults) {
  const auto cluster =
      load(in_cluster("name = 'p1'\nstore = 'redis://10.0.0.5:6379/0'")).config.cluster;
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->name, "p1");
  EXPECT_EQ(cluster->members, 2U);
  EXPECT_EQ(cluster->store, "redis://10.0.0.5:6379/0");
  EXPECT_TRUE(cluster->sentinels.empty());
  EXPECT_EQ(cluster->prefix, "bonedry");
  EXPECT_EQ(cluster->silent_after, std::chrono::seconds{5});
  EXPECT_EQ(cluster->forget_after, Millis{0});
}

TEST(ClusterTest, TheNameOfTheHostIsTheDefault) {
  const auto cluster = load(in_cluster("store = 'redis://10.0.0.5'")).config.cluster;
  ASSERT_TRUE(cluster);
  EXPECT_FALSE(cluster->name.empty());
}

TEST(ClusterTest, Everything) {
  const auto cluster =
      load(in_cluster("name = 'p2'\nmembers = 3\nstore = 'redis://shop/1'\n"
                      "sentinels = ['10.0.0.5:26379', '[::1]:26380']\nusername = 'bonedry'\n"
                      "password_file = '/etc/bonedry/password'\nprefix = 'shop'\n"
                      "silent_after = '3s'"))
          .config.cluster;
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->members, 3U);
  EXPECT_EQ(cluster->sentinels, (std::vector<Address>{{"10.0.0.5", 26379}, {"::1", 26380}}));
  EXPECT_EQ(cluster->username, "bonedry");
  EXPECT_EQ(cluster->password_file, "/etc/bonedry/password");
  EXPECT_EQ(cluster->prefix, "shop");
  EXPECT_EQ(cluster->silent_after, std::chrono::seconds{3});
}

TEST(ClusterTest, MembersMayBeForgottenByThemselves) {
  const auto cluster =
      load(in_cluster("store = 'redis://10.0.0.5'\nforget_after = '1m'")).config.cluster;
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->forget_after, std::chrono::minutes{1});
}

TEST(ClusterTest, ASecretMustBeGiven) {
  expect_errors([](std::string_view text) { return beside_a_pool(text); },
                {{"[cluster]\nname = 'p1'\nstore = 'redis://10.0.0.5'",
                  "f:1:1: cluster: needs a secret that all members share: set secrets or "
                  "secret_file in [server]"}});
}

TEST(ClusterTest, SaysWhatIsWrong) {
  expect_errors(
      [](std::string_view text) { return in_cluster(text); },
      {{"name = 'p1'", "f:3:1: cluster.store: required, but missing"},
       {"name = 'p1'\nstore = 'redis://10.0.0.5'\nsilent_after = '1s'",
        "f:6:16: cluster.silent_after: too short; expected at least 2s"},
       {"name = 'p1'\nstore = 'redis://10.0.0.5'\nforget_after = '2s'",
        "f:6:16: cluster.forget_after: too short; expected 0, or at least silent_after (5s)"},
       {"name = 'p1'\nstore = 'redis://shop'\nsentinels = ['10.0.0.5:26379']\nforget_after = '1m'",
        "f:7:16: cluster.forget_after: is not possible with sentinels: while they fail over, "
        "members "
        "may speak with different servers, and not know of each other"}});
}

}  // namespace
}  // namespace bonedry::conf::test
