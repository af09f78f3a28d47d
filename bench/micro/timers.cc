#include "proxy/base/random.h"
#include "proxy/io/timer_wheel.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace bonedry::micro {
namespace {

using io::Timer;
using io::TimerWheel;
using std::chrono::seconds;

constexpr Instant kStart{1'000'000};

/// A given number of idle connections: one timer each, due at any time in the next minute, and
/// armed for another minute when it fires.
class Crowd {
 public:
  Crowd(TimerWheel& wheel, std::int64_t size) {
    Random random(1);
    for (std::int64_t i = 0; i < size; ++i) {
      timers_.emplace_back(wheel, [this, i] { at(i).arm(seconds{60}); });
      at(i).arm(Millis{random.below(60'000)});
    }
  }
  Timer& at(std::int64_t number) { return timers_[static_cast<std::size_t>(number)]; }

 private:
  std::deque<Timer> timers_;
};

// A deadline that is met, e.g. of a connect: the usual life of a timer.
void arm_and_disarm(benchmark::State& state) {
  TimerWheel wheel([] { return kStart; });
  Crowd crowd(wheel, state.range(0));
  Timer timer(wheel, [] {});
  for (auto _ : state) {
    timer.arm(seconds{3});
    timer.disarm();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(arm_and_disarm)->Name("timers/arm_disarm")->Arg(0)->Arg(10'000);

// Postpones a deadline, of one connection after another.
void rearm(benchmark::State& state) {
  TimerWheel wheel([] { return kStart; });
  Crowd crowd(wheel, state.range(0));
  Random random(2);
  const auto bound = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) crowd.at(random.below(bound)).arm(seconds{60});
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rearm)->Name("timers/rearm")->Arg(1)->Arg(10'000);

// One tick of twenty per second: with 10,000 timers armed for a minute, 8 fire and 16 are checked
// too early.
void advance(benchmark::State& state) {
  Instant now = kStart;
  TimerWheel wheel([&now] { return now; });
  Crowd crowd(wheel, state.range(0));
  for (auto _ : state) {
    now = now + TimerWheel::kTick;
    wheel.advance(now);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(advance)->Name("timers/advance")->Arg(0)->Arg(10'000);

}  // namespace
}  // namespace bonedry::micro
