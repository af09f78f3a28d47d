#include "balancer/failure_notes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace bonedry::balancer {
namespace {

constexpr Instant kStart{1'000'000};

TEST(FailureNotesTest, OneOfAKindInTheIntervalIsLoggedWithTheNumberOfTheOthers) {
  FailureNotes notes;
  EXPECT_EQ(notes.note(NodeFailure::connect, kStart), 0U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(notes.note(NodeFailure::connect, kStart), std::nullopt);
  const Instant later = kStart + FailureNotes::kInterval;
  EXPECT_EQ(notes.note(NodeFailure::connect, later - Millis{1}), std::nullopt);
  EXPECT_EQ(notes.note(NodeFailure::connect, later), 6U);
  EXPECT_EQ(notes.note(NodeFailure::connect, later + FailureNotes::kInterval), 0U);
}

TEST(FailureNotesTest, EachKindIsNotedByItself) {
  FailureNotes notes;
  EXPECT_EQ(notes.note(NodeFailure::connect, kStart), 0U);
  EXPECT_EQ(notes.note(NodeFailure::stalled, kStart), 0U);
  EXPECT_EQ(notes.note(NodeFailure::connect, kStart), std::nullopt);
}

TEST(FailureNotesTest, OfSeveralThreadsOneLogs) {
  FailureNotes notes;
  constexpr int kThreads = 4;
  constexpr int kNotes = 1000;
  std::atomic<int> logged{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kNotes; ++n) {
        if (notes.note(NodeFailure::closed, kStart)) ++logged;
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(logged, 1);
  EXPECT_EQ(notes.note(NodeFailure::closed, kStart + FailureNotes::kInterval),
            kThreads * kNotes - 1U);
}

}  // namespace
}  // namespace bonedry::balancer
