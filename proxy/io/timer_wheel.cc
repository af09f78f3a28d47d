#include "proxy/io/timer_wheel.h"

#include <algorithm>

namespace bonedry::io {

void TimerLink::insert_before(TimerLink& other) {
  previous = other.previous;
  next = &other;
  previous->next = this;
  other.previous = this;
}

void TimerLink::remove() {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

void Timer::arm(Millis delay) {
  disarm();
  const Instant due = wheel_.now_() + std::max(delay, Millis{0});
  due_tick_ = std::max(due.ms / TimerWheel::kTick.count() + 1, wheel_.tick_ + 1);
  insert_before(wheel_.list_of(due_tick_));
  ++wheel_.armed_;
}

void Timer::disarm() {
  if (!armed()) return;
  remove();
  --wheel_.armed_;
}

void TimerWheel::advance(Instant now) {
  const std::int64_t target = now.ms / kTick.count();
  // After a long sleep one turn visits every list; more turns would only visit them again.
  tick_ = std::max(tick_, target - static_cast<std::int64_t>(kSlots));
  while (tick_ < target) fire_tick();
}

void TimerWheel::fire_tick() {
  ++tick_;
  TimerLink& list = list_of(tick_);
  // The timers are moved out first: a callback may add a timer to this list or destroy any other.
  TimerLink firing;
  while (!list.unlinked()) {
    TimerLink* const link = list.next;
    link->remove();
    link->insert_before(firing);
  }
  while (!firing.unlinked()) {
    auto& timer = static_cast<Timer&>(*firing.next);
    timer.remove();
    if (timer.due_tick_ > tick_) {
      timer.insert_before(list);
      continue;
    }
    --armed_;
    timer.callback_();
  }
}

}  // namespace bonedry::io
