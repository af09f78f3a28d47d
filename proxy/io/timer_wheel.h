#pragma once

#include "proxy/base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace bonedry::io {

class TimerWheel;

/// A link in a circular list of timers; one that is in no list points to itself.
struct TimerLink {
  TimerLink* previous = this;
  TimerLink* next = this;

  TimerLink() = default;
  TimerLink(const TimerLink&) = delete;
  TimerLink& operator=(const TimerLink&) = delete;

  [[nodiscard]] bool unlinked() const { return next == this; }
  void insert_before(TimerLink& other);
  void remove();
};

/// A timer, a member of the object that it serves. Arming and disarming are a few pointer writes;
/// the destructor disarms. Fires once, never early, at most two ticks late.
class Timer : private TimerLink {
 public:
  Timer(TimerWheel& wheel, std::function<void()> callback)
      : wheel_(wheel), callback_(std::move(callback)) {}
  ~Timer() { disarm(); }

  void arm(Millis delay);
  void disarm();
  [[nodiscard]] bool armed() const { return !unlinked(); }

 private:
  friend class TimerWheel;
  TimerWheel& wheel_;
  std::function<void()> callback_;
  std::int64_t due_tick_ = 0;
};

/// The timer wheel of one loop: a ring of lists, one per tick. A timer due later than one turn of
/// the wheel is checked once per turn. Must outlive its timers.
class TimerWheel {
 public:
  static constexpr Millis kTick{50};
  static constexpr std::size_t kSlots = 512;  // one turn is 25 s: most time-outs fit into two

  /// `now`: the time from which timers are armed; never goes back.
  explicit TimerWheel(std::function<Instant()> now)
      : now_(std::move(now)), tick_(now_().ms / kTick.count()) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Fires everything that is due. Callbacks may arm, disarm and destroy any timer.
  void advance(Instant now);
  /// How far `now` is past the last tick that was fired.
  [[nodiscard]] Millis lag(Instant now) const { return now - Instant{tick_ * kTick.count()}; }
  [[nodiscard]] bool idle() const { return armed_ == 0; }

 private:
  friend class Timer;
  TimerLink& list_of(std::int64_t tick) { return lists_[static_cast<std::size_t>(tick) % kSlots]; }
  void fire_tick();

  std::array<TimerLink, kSlots> lists_;
  std::function<Instant()> now_;
  std::int64_t tick_;  // the last tick that was fired
  std::size_t armed_ = 0;
};

}  // namespace bonedry::io
