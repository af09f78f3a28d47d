#include "proxy/redis/backoff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bonedry::redis {
namespace {

MATCHER_P(IsAbout, pause, "") {
  return arg.count() >= pause * 3 / 4 && arg.count() < pause * 5 / 4;
}

TEST(BackoffTest, GrowsToTwoSecondsAndStartsOver) {
  Backoff backoff(Random(1), Pace{});
  for (const int pause : {250, 500, 1000, 2000, 2000, 2000}) {
    EXPECT_THAT(backoff.next(), IsAbout(pause));
  }
  backoff.reset();
  EXPECT_THAT(backoff.next(), IsAbout(250));
}

TEST(BackoffTest, MembersDoNotComeTogether) {
  Backoff one(Random(1), Pace{});
  Backoff other(Random(2), Pace{});
  EXPECT_NE(one.next(), other.next());
}

}  // namespace
}  // namespace bonedry::redis
