#pragma once

#include <chrono>
#include <cstdint>

namespace bonedry {

using Millis = std::chrono::milliseconds;

/// A point on the monotonic clock (CLOCK_MONOTONIC, the clock of libuv's loop time), in
/// milliseconds. Never goes back; means nothing outside this machine's current boot.
struct Instant {
  std::int64_t ms = 0;

  friend auto operator<=>(Instant, Instant) = default;
  friend Instant operator+(Instant at, Millis delay) { return {at.ms + delay.count()}; }
  friend Instant operator-(Instant at, Millis delay) { return {at.ms - delay.count()}; }
  friend Millis operator-(Instant later, Instant earlier) { return Millis{later.ms - earlier.ms}; }
};

/// A point on the wall clock, in milliseconds since the Unix epoch: for what is shown to people or
/// must survive a reboot. May jump either way.
struct WallTime {
  std::int64_t ms = 0;

  friend auto operator<=>(WallTime, WallTime) = default;
  friend WallTime operator+(WallTime at, Millis delay) { return {at.ms + delay.count()}; }
  friend WallTime operator-(WallTime at, Millis delay) { return {at.ms - delay.count()}; }
  friend Millis operator-(WallTime later, WallTime earlier) {
    return Millis{later.ms - earlier.ms};
  }
};

/// A source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

/// The monotonic clock as of the kernel's last tick: at most `kCoarse` behind, and never goes back.
/// Costs a fifth of the exact time. Thread-safe.
[[nodiscard]] Instant coarse_now();
constexpr Millis kCoarse{10};  // Linux ticks 100 times a second or more

/// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;
};

/// A clock that tests move by hand. Not thread-safe.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }

  void advance(Millis by) {
    now_ = now_ + by;
    wall_ = wall_ + by;
  }
  void jump_wall(Millis by) { wall_ = wall_ + by; }

 private:
  Instant now_{1'000'000};
  WallTime wall_{1'700'000'000'000};
};

}  // namespace bonedry
