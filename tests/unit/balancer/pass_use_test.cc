#include "balancer/pass_use.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace bonedry::balancer {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kStart{600'000'000};  // the beginning of a minute

TEST(PassUseTest, UsesOfTheLastQuarterOfAnHourCount) {
  PassUse use;
  EXPECT_EQ(use.lately(kStart), 0U);
  EXPECT_EQ(use.last().ms, 0);
  use.note(kStart);
  use.note(kStart + seconds{59});
  use.note(kStart + minutes{5});
  EXPECT_EQ(use.lately(kStart + minutes{5}), 3U);
  EXPECT_EQ(use.lately(kStart + minutes{14}), 3U);
  EXPECT_EQ(use.lately(kStart + minutes{15}), 1U);
  EXPECT_EQ(use.lately(kStart + minutes{20}), 0U);
  EXPECT_EQ(use.last(), kStart + minutes{5});
}

TEST(PassUseTest, AMinuteBeginsAgainAtNothing) {
  PassUse use;
  for (int i = 0; i < 10; ++i) use.note(kStart);
  use.note(kStart + PassUse::kLately);
  EXPECT_EQ(use.lately(kStart + PassUse::kLately), 1U);
}

TEST(PassUseTest, SeveralThreadsMissNone) {
  PassUse use;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&use] {
      for (int use_number = 0; use_number < 1000; ++use_number) use.note(kStart);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(use.lately(kStart), 4000U);
}

}  // namespace
}  // namespace bonedry::balancer
