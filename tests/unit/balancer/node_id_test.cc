#include "balancer/node_id.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace bonedry::balancer {
namespace {

TEST(NodeIdTest, ItsTextIsPoolAndNode) {
  EXPECT_EQ((NodeId{"shop", "alice"}.text()), "shop/alice");
  EXPECT_EQ(NodeId::parse("shop/alice"), (NodeId{"shop", "alice"}));
}

TEST(NodeIdTest, ATextWithoutASlashNamesNone) {
  EXPECT_EQ(NodeId::parse("alice"), std::nullopt);
  EXPECT_EQ(NodeId::parse(""), std::nullopt);
}

TEST(NodeIdTest, NodesOfAPoolAreBesideEachOther) {
  const NodeId alice{"shop", "alice"};
  EXPECT_LT(alice, (NodeId{"shop", "bob"}));
  EXPECT_LT(alice, (NodeId{"shop-two", "aaron"}));
  EXPECT_NE(alice, (NodeId{"blog", "alice"}));
}

TEST(NodeIdTest, EqualOnesHaveOneHash) {
  const std::unordered_set<NodeId> some{{"shop", "alice"}, {"shop", "bob"}, {"shop", "alice"}};
  EXPECT_EQ(some.size(), 2U);
  EXPECT_TRUE(some.contains({"shop", "bob"}));
}

}  // namespace
}  // namespace bonedry::balancer
