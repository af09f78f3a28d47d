#include "proxy/io/loop_lag.h"

#include "proxy/io/event_loop.h"

#include <gtest/gtest.h>

#include <thread>

namespace bonedry::io {
namespace {

constexpr Millis kPeriod{50};
constexpr Instant kStart{1'000'000};

TEST(LoopLagTest, ALoopThatDoesNotRunYetIsNotLate) {
  const LoopLag lag(kPeriod);
  EXPECT_EQ(lag.longest(kStart), Millis{0});
}

TEST(LoopLagTest, TheLongestOfLateIsKept) {
  LoopLag lag(kPeriod);
  Instant now = kStart;
  for (const int took : {50, 180, 50, 60, 49}) lag.note(now = now + Millis{took});
  EXPECT_EQ(lag.longest(now), Millis{130});
}

TEST(LoopLagTest, WhatIsLongAgoIsForgotten) {
  LoopLag lag(kPeriod);
  lag.note(kStart);
  lag.note(kStart + Millis{1'050});
  Instant now = kStart + Millis{1'050};
  const auto run_for = [&](Millis duration) {
    for (const Instant end = now + duration; now < end;) lag.note(now = now + kPeriod);
  };
  run_for(LoopLag::kWindow - Millis{2'000});
  EXPECT_EQ(lag.longest(now), Millis{1'000});
  run_for(LoopLag::kWindow);
  EXPECT_EQ(lag.longest(now), Millis{1'000}) << "a scrape each 15 s must not miss it";
  run_for(LoopLag::kWindow);
  EXPECT_EQ(lag.longest(now), Millis{0});
}

TEST(LoopLagTest, ALoopThatHangsIsLateWhileItDoes) {
  LoopLag lag(kPeriod);
  lag.note(kStart);
  EXPECT_EQ(lag.longest(kStart + kPeriod), Millis{0});
  EXPECT_EQ(lag.longest(kStart + Millis{5'050}), Millis{5'000});
}

TEST(LoopLagTest, ALoopNotesHowLongACallbackHeldItUp) {
  constexpr Millis kHeldUp{300};
  EventLoop loop;
  Timer hold_up(loop.timers(), [&] { std::this_thread::sleep_for(kHeldUp); });
  Timer stop(loop.timers(), [&] { loop.stop(); });
  hold_up.arm(2 * TimerWheel::kTick);
  stop.arm(10 * TimerWheel::kTick);
  loop.run();
  EXPECT_GE(loop.lag().longest(SystemClock().now()), kHeldUp - 2 * TimerWheel::kTick);
}

}  // namespace
}  // namespace bonedry::io
