// Time-outs: every exchange arms and disarms some.
#include "proxy/io/timer_wheel.h"

#include <benchmark/benchmark.h>

#include <deque>

namespace bonedry::io {
namespace {

void arm_and_disarm(benchmark::State& state) {
  TimerWheel wheel(Instant{0});
  Timer timer(wheel, [] {});
  for (auto _ : state) {
    timer.arm(Millis{30000});
    timer.disarm();
  }
}
BENCHMARK(arm_and_disarm);

/// A tick of a worker with 10,000 idle connections.
void advance_with_10000_armed(benchmark::State& state) {
  TimerWheel wheel(Instant{0});
  std::deque<Timer> timers;
  for (int i = 0; i < 10000; ++i) {
    timers.emplace_back(wheel, [] {}).arm(Millis{std::int64_t{1} << 40U} + Millis{50 * i});
  }
  Instant now{0};
  for (auto _ : state) {
    now = now + TimerWheel::kTick;
    wheel.advance(now);
  }
}
BENCHMARK(advance_with_10000_armed);

}  // namespace
}  // namespace bonedry::io
