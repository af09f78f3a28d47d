// Tests all promises with random sequences of everything that can happen, against a model.

#include "tests/support/deadline.h"
#include "tests/unit/control/promise_duel.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

namespace bonedry::admin {
namespace {

constexpr std::size_t kWorkers = 3;
const int kSteps = bonedry::test::kSanitized ? 30'000 : 200'000;
constexpr int kCalmEvery = 500;

/// The same seed in every run, so that a result depends only on the code; BONEDRY_SEED=N selects
/// another.
std::uint64_t seed() {
  const char* const wanted = std::getenv("BONEDRY_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1'182'951'521;
}

constexpr const char* kEverything[] = {
    "new user",
    "request of no user",
    "returning user",
    "forged cookie",
    "user whose session is over",
    "displaced user",
    "user moved",
    "user of a node unknown to the worker",
    "logout",
    "cut exchange",
    "failed connect",
    "rescue",
    "503",
    "tester",
    "tester gone",
    "tester on a closed node",
    "bleed",
    "bleed refused",
    "bleed from maintenance",
    "deadline",
    "deadline passed",
    "maintain",
    "maintain refused",
    "maintain by force",
    "activate",
    "activate refused",
    "wait",
    "dry",
    "node down",
    "door opened when all know it",
    "disk full",
    "refused by the disk",
    "reload",
    "reload refused",
    "node added",
    "node removed",
    "removed node gone",
    "pool added",
    "pool removed",
    "other weight",
    "other session times",
    "topology taken over",
    "crash",
    "clean restart",
    "ledger lost",
    "node records damaged",
    "ledger damaged",
    "session lost by damage",
    "both clocks far forwards",
    "monotonic clock far forwards",
    "calendar back",
    "calendar forwards",
    "process stood still",
    "several cookies",
    "several values",
    "request long on its way",
    "value renewed",
    "value that may have been forgotten",
    "session by a value that was brought",
    "cookie with Expires",
    "cookie that lapsed just now",
    "cookie refused by the browser",
    "cookie cleared",
};

TEST(PromiseModelTest, AfterEveryStepThePromiseHolds) {
  spdlog::set_level(spdlog::level::off);
  const std::uint64_t used = seed();
  std::cout << "BONEDRY_SEED=" << used << "\n";
  test::PromiseModelRun duel(kWorkers, used);
  for (int i = 0; i < kSteps; ++i) {
    const std::string wrong = i % kCalmEvery == kCalmEvery - 1 ? duel.calm_down() : duel.step();
    ASSERT_EQ(wrong, "") << "step " << i << ", BONEDRY_SEED=" << used << "\n" << duel.lately();
  }
  for (const char* const what : kEverything) {
    EXPECT_GT(duel.happened().count(what), 0U) << what << " never happened, BONEDRY_SEED=" << used;
  }
  if (std::getenv("BONEDRY_TALLY") == nullptr) return;
  for (const auto& [what, times] : duel.happened()) std::cout << times << " " << what << "\n";
}

}  // namespace
}  // namespace bonedry::admin
