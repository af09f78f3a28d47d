#include "admin/cluster/pool_fingerprints.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::admin::cluster::test {
namespace {

conf::Config shop() {
  conf::Config config;
  conf::Pool& pool = config.pools.emplace_back();
  pool.name = "shop";
  for (const char* const name : {"alice", "bob"}) {
    conf::Node& node = pool.nodes.emplace_back();
    node.name = name;
  }
  return config;
}

const std::vector<std::string> kSecrets{"the first secret", "the second secret"};

std::string print_of(const conf::Config& config,
                     const std::vector<std::string>& secrets = kSecrets) {
  return pool_fingerprints(config, secrets).at("shop");
}

TEST(PoolFingerprintsTest, WhatMembersMayHaveOtherwiseDoesNotMatter) {
  conf::Config other = shop();
  std::swap(other.pools[0].nodes[0], other.pools[0].nodes[1]);
  other.pools[0].nodes[0].weight = 10;
  other.pools[0].nodes[0].address = {"10.0.0.1", 80};
  other.pools[0].balance = conf::Balance::random;
  EXPECT_EQ(differing(print_of(shop()), print_of(other)), "");
  EXPECT_EQ(differing(print_of(shop()), print_of(shop(), {kSecrets[1], kSecrets[0]})), "")
      << "while secrets are exchanged one member after the other";
}

TEST(PoolFingerprintsTest, NamesWhatDiffers) {
  conf::Config other = shop();
  other.pools[0].nodes[1].name = "carol";
  EXPECT_EQ(differing(print_of(shop()), print_of(other)), "nodes");
  other.pools[0].session.idle_timeout = std::chrono::minutes{1};
  EXPECT_EQ(differing(print_of(shop()), print_of(other)), "nodes, session times");
  other = shop();
  other.pools[0].session.cookie = "other";
  EXPECT_EQ(differing(print_of(shop()), print_of(other)), "cookie");
  other = shop();
  other.pools[0].session.sticky = conf::Sticky::learn;
  EXPECT_EQ(differing(print_of(shop()), print_of(other)), "cookie");
  EXPECT_EQ(differing(print_of(shop()), print_of(shop(), {kSecrets[0]})), "secrets");
}

TEST(PoolFingerprintsTest, ShowsNoSecret) {
  EXPECT_EQ(print_of(shop()).find("the first"), std::string::npos);
}

}  // namespace
}  // namespace bonedry::admin::cluster::test
