#include "proxy/handover.h"

#include "proxy/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bonedry::proxy::handover {
namespace {

void expect_same(const RoutingState& routing_state) {
  const auto file = write(routing_state);
  ASSERT_TRUE(file);
  const auto back = read(*file);
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(back->shut, routing_state.shut);
  EXPECT_EQ(back->opening, routing_state.opening);
  EXPECT_EQ(back->held, routing_state.held);
  EXPECT_EQ(back->config, routing_state.config);
}

TEST(GuidanceTest, ArrivesAsItWasGiven) {
  expect_same({});
  expect_same({{"shop/alice", "shop/bob"}, "[server]\n\n[admin]\n"});
  expect_same({{}, "\n\nbegins with empty lines"});
  expect_same({{"shop/alice"}, ""});
  expect_same({{"shop/alice"}, "[server]", {"shop/bob"}, {"shop/carol", "shop/dave"}});
  expect_same({{}, "", {}, {"shop/alice"}});
}

TEST(GuidanceTest, AnOldProcessShutsWhatIsHeld) {
  const auto file = write({{"shop/alice"}, "config", {"shop/bob"}, {"shop/carol"}});
  ASSERT_TRUE(file);
  const auto text = read_file("/proc/self/fd/" + std::to_string(file->get()), 1000);
  ASSERT_TRUE(text);
  // It reads both lists, and a node that is in both is shut.
  EXPECT_EQ(*text, "shop/alice\nshop/carol\n\nshop/bob\nshop/carol\n\nconfig");
}

TEST(GuidanceTest, MayBeLargerThanAMessage) {
  RoutingState routing_state{{}, std::string(1'000'000, 'x')};
  for (int i = 0; i < 10'000; ++i) routing_state.shut.insert("shop/node" + std::to_string(i));
  expect_same(routing_state);
}

TEST(HealthTest, ArrivesAsItWasMeasured) {
  using balancer::Health;
  const auto file = write_health({{"shop/alice", "127.0.0.1:1", Health::up},
                                  {"shop/bob", "[::1]:2", Health::down},
                                  {"shop/carol", "127.0.0.1:3", Health::unknown}});
  ASSERT_TRUE(file);
  const auto back = read_health(*file);
  ASSERT_TRUE(back) << back.error();
  ASSERT_EQ(back->size(), 2U) << "nothing is known of carol";
  EXPECT_EQ(back->at(0).key, "shop/alice");
  EXPECT_EQ(back->at(0).health, Health::up);
  EXPECT_EQ(back->at(1).address, "[::1]:2");
  EXPECT_EQ(back->at(1).health, Health::down);
}

TEST(GuidanceTest, WhatIsNoneIsAnError) {
  EXPECT_FALSE(read_health(UniqueFd{}));
  EXPECT_FALSE(read(UniqueFd{}));
}

}  // namespace
}  // namespace bonedry::proxy::handover
