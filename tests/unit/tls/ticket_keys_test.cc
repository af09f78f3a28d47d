#include "proxy/tls/ticket_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bonedry::tls {
namespace {

using testing::ElementsAre;

constexpr WallTime kNow{1'000'000'000'000};

TEST(TicketKeysTest, BeginWithOneRandomKey) {
  const TicketKeys keys(kNow);
  ASSERT_EQ(keys.all().size(), 1U);
  const TicketKeys others(kNow);
  EXPECT_NE(keys.current().name, others.current().name);
  EXPECT_NE(keys.current().cipher, others.current().cipher);
  EXPECT_NE(keys.current().mac, others.current().mac);
}

TEST(TicketKeysTest, ARotationPutsANewKeyInFront) {
  const TicketKeys first(kNow);
  const TicketKeys second = first.rotated(kNow);
  EXPECT_FALSE(second.current() == first.current());
  EXPECT_THAT(second.all(), ElementsAre(second.current(), first.current()));
  EXPECT_EQ(first.all().size(), 1U) << "they do not change";
}

TEST(TicketKeysTest, TheOldestOfThreeKeysGoes) {
  const TicketKeys first(kNow);
  const TicketKeys second = first.rotated(kNow);
  const TicketKeys third = second.rotated(kNow);
  EXPECT_THAT(third.all(), ElementsAre(third.current(), second.current(), first.current()));
  const TicketKeys fourth = third.rotated(kNow);
  EXPECT_THAT(fourth.all(), ElementsAre(fourth.current(), third.current(), second.current()));
}

TEST(TicketKeysTest, ARotationIsDueTwiceADay) {
  const TicketKeys first(kNow);
  EXPECT_FALSE(first.is_rotation_due(kNow));
  EXPECT_FALSE(first.is_rotation_due(kNow + TicketKeys::kRotation - Millis{1}));
  EXPECT_TRUE(first.is_rotation_due(kNow + TicketKeys::kRotation));
  EXPECT_TRUE(first.is_rotation_due(kNow - Millis{1})) << "the clock has been set back";
  const TicketKeys second = first.rotated(kNow + TicketKeys::kRotation);
  EXPECT_FALSE(second.is_rotation_due(kNow + TicketKeys::kRotation)) << "the newest key counts";
}

TEST(TicketKeysTest, FindsAKeyByItsName) {
  const TicketKeys first(kNow);
  const TicketKeys second = first.rotated(kNow);
  const TicketKey* const found = second.find(first.current().name.data());
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(*found == first.current());
  EXPECT_EQ(second.find(second.current().name.data()), &second.current());
  EXPECT_EQ(second.find(TicketKeys(kNow).current().name.data()), nullptr);
}

TEST(TicketKeysTest, GoOnInAnotherProcess) {
  TicketKeys keys(kNow);
  for (std::size_t count = 1; count <= TicketKeys::kKept; ++count) {
    const std::string bytes = keys.serialize();
    const auto again = TicketKeys::parse(bytes);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->all().size(), count);
    EXPECT_TRUE(again->all() == keys.all()) << "in their order";
    EXPECT_TRUE(again->is_rotation_due(kNow - Millis{1}));
    EXPECT_FALSE(again->is_rotation_due(kNow)) << "since the same time";
    keys = keys.rotated(kNow);
  }
}

TEST(TicketKeysTest, RefusesBytesThatAreNoKeys) {
  const std::string bytes = TicketKeys(kNow).serialize();
  const std::string key = bytes.substr(bytes.find('\n') + 1);
  EXPECT_EQ(TicketKeys::parse(""), nullptr);
  EXPECT_EQ(TicketKeys::parse("7\n"), nullptr) << "no key";
  EXPECT_EQ(TicketKeys::parse(key.substr(0, 70)), nullptr) << "no time";
  EXPECT_EQ(TicketKeys::parse("soon\n" + key), nullptr);
  EXPECT_EQ(TicketKeys::parse("7x\n" + key), nullptr);
  EXPECT_EQ(TicketKeys::parse(bytes.substr(0, bytes.size() - 1)), nullptr);
  EXPECT_EQ(TicketKeys::parse(bytes + "x"), nullptr);
  EXPECT_EQ(TicketKeys::parse("7\n" + key + key + key + key), nullptr) << "more than are kept";
  EXPECT_NE(TicketKeys::parse("7\n" + key + key + key), nullptr);
}

}  // namespace
}  // namespace bonedry::tls
