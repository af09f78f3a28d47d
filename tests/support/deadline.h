#pragma once

#include "proxy/base/clock.h"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>

/// The parts of the scenario tests: the real programs as children, scripted clients and nodes.
namespace bonedry::test {

using TestClock = std::chrono::steady_clock;
using TestTime = TestClock::time_point;

/// The directory of the programs under test, when they are not from this build: the stories are
/// built once and also run against the programs of the sanitizer presets.
inline const char* const kOtherPrograms = std::getenv("BONEDRY_SANITIZED_PROGRAMS");

#ifdef BONEDRY_SANITIZED
inline const bool kSanitized = true;
#else
inline const bool kSanitized = kOtherPrograms != nullptr;
#endif

/// Sanitizers make the programs several times slower: the times of a test are multiplied by this.
inline const int kTimeScale = kSanitized ? 4 : 1;

inline Millis scaled(Millis time) {
  return time * kTimeScale;
}

/// How long a test waits for something that should happen at once.
inline const Millis kDeadline = scaled(std::chrono::seconds{10});

[[nodiscard]] inline Millis elapsed_since(TestTime start) {
  return std::chrono::duration_cast<Millis>(TestClock::now() - start);
}

/// Polls until `predicate` is true or `deadline` has passed. Only for the outside world, which
/// cannot notify us: everything inside the test has a Gate or a condition variable.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate&& predicate, Millis deadline = kDeadline,
                              Millis step = Millis{10}) {
  const TestTime start = TestClock::now();
  for (;;) {
    if (predicate()) return true;
    if (elapsed_since(start) > deadline) return false;
    std::this_thread::sleep_for(step);
  }
}

/// Opens once; threads may wait for it. All copies are the same gate: a handler of a node takes one
/// by value, because it may still run when the test's variables are gone. Thread-safe.
class Gate {
 public:
  void open() const {
    {
      const std::lock_guard lock{state_->mutex};
      state_->is_open = true;
    }
    state_->opened.notify_all();
  }

  /// True once it is open, false when `deadline` passes first.
  [[nodiscard]] bool wait(Millis deadline = kDeadline) const {
    std::unique_lock lock{state_->mutex};
    return state_->opened.wait_until(lock, TestClock::now() + deadline,
                                     [this] { return state_->is_open; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable opened;
    bool is_open = false;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace bonedry::test
