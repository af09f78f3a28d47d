#include "proxy/descriptor_budget.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>

namespace bonedry::proxy {
namespace {

using testing::HasSubstr;

/// The number of open file descriptors when every share is used up.
std::size_t sum(const DescriptorBudget& shares, std::size_t open, std::size_t workers) {
  const std::size_t own = open + 8 * workers + 26;
  return own + shares.admin + shares.checks + (2 * shares.pipes + shares.idle) * workers +
         2 * shares.clients;
}

TEST(DescriptorSharesTest, NoPartTakesFromAnother) {
  for (const std::size_t workers : {1U, 4U, 64U}) {
    for (std::size_t limit = 1; limit < 2'000'000; limit += 1 + limit / 50) {
      const std::size_t open = 20 + 3 * workers;
      const auto shares = share_descriptors(limit, open, workers);
      if (!shares) continue;
      EXPECT_LE(sum(*shares, open, workers), limit);
      EXPECT_GE(shares->clients, 1U);
      EXPECT_GE(shares->admin, 8U);
      EXPECT_GE(shares->checks, 1U);
    }
  }
}

TEST(DescriptorSharesTest, ClientsGetMostOfIt) {
  const auto small = share_descriptors(256, 25, 1);
  ASSERT_TRUE(small);
  EXPECT_GE(small->clients, 70U);
  const auto usual = share_descriptors(1024, 35, 4);
  ASSERT_TRUE(usual);
  EXPECT_GE(usual->clients, 340U);
  EXPECT_EQ(usual->admin, 58U);
  const auto large = share_descriptors(524288, 40, 8);
  ASSERT_TRUE(large);
  EXPECT_GE(large->clients, 250'000U);
  EXPECT_EQ(large->admin, 1088U);
  EXPECT_EQ(large->pipes, 256U);
  EXPECT_EQ(large->idle, 1024U);
}

TEST(DescriptorSharesTest, TooFewAreRefusedInWords) {
  const auto shares = share_descriptors(64, 25, 4);
  ASSERT_FALSE(shares);
  EXPECT_THAT(shares.error(), HasSubstr("64 descriptors is too low for 4 workers"));
  EXPECT_THAT(shares.error(), HasSubstr("need 99"));
  EXPECT_TRUE(share_descriptors(99, 25, 4));
}

TEST(DescriptorSharesTest, CountsWhatIsOpen) {
  const std::size_t before = open_descriptors();
  const int more = ::dup(0);
  EXPECT_EQ(open_descriptors(), before + 1);
  ::close(more);
}

}  // namespace
}  // namespace bonedry::proxy
