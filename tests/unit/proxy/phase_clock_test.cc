#include "proxy/phase_clock.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace bonedry::proxy {
namespace {

using enum AttemptState;

/// The times of an attempt that is in each state for so long, and then in the last one.
PhaseTimes times(const std::vector<std::pair<AttemptState, Millis>>& stays, AttemptState last) {
  PhaseClock clock;
  Instant now{5'000};
  AttemptState state = none;
  for (const auto& [next, stay] : stays) {
    clock.step(state, next, now);
    state = next;
    now = now + stay;
  }
  clock.step(state, last, now);
  return clock.times();
}

TEST(PhaseClockTest, AllPhasesOfAnExchange) {
  const PhaseTimes all =
      times({{queued, Millis{7}}, {none, Millis{0}}, {connecting, Millis{3}}, {sent, Millis{40}}},
            answered);
  EXPECT_EQ(all.queue, Millis{7});
  EXPECT_EQ(all.connect, Millis{3});
  EXPECT_EQ(all.first_byte, Millis{40});
}

TEST(PhaseClockTest, APhaseThatDidNotHappenHasNoTime) {
  const PhaseTimes reused = times({{sent, Millis{0}}}, answered);
  EXPECT_EQ(reused.queue, std::nullopt);
  EXPECT_EQ(reused.connect, std::nullopt);
  EXPECT_EQ(reused.first_byte, Millis{0});
  const PhaseTimes nothing = times({}, none);
  EXPECT_EQ(nothing.first_byte, std::nullopt);
}

TEST(PhaseClockTest, WhatIsDoneAgainIsAdded) {
  const PhaseTimes two_nodes = times({{connecting, Millis{100}},
                                      {pausing, Millis{1000}},
                                      {none, Millis{0}},
                                      {connecting, Millis{20}},
                                      {none, Millis{0}},
                                      {connecting, Millis{3}},
                                      {sent, Millis{1}}},
                                     answered);
  EXPECT_EQ(two_nodes.connect, Millis{123}) << "the pause between two tries is none of it";
}

TEST(PhaseClockTest, AResponseThatDidNotComeHasNoFirstByte) {
  EXPECT_EQ(times({{sent, Millis{500}}}, none).first_byte, std::nullopt);
  const PhaseTimes retried =
      times({{sent, Millis{500}}, {none, Millis{0}}, {sent, Millis{9}}}, answered);
  EXPECT_EQ(retried.first_byte, Millis{9}) << "of the attempt that was answered";
}

}  // namespace
}  // namespace bonedry::proxy
