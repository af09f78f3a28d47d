#include "admin/hooks/hook_queue.h"

#include "admin/phrases.h"
#include "admin/printable.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace bonedry::admin {

std::string to_text(const HookEnd& end) {
  switch (end.kind) {
    case HookEnd::Kind::exited:
      return "exit code " + std::to_string(end.value);
    case HookEnd::Kind::killed:
      return "killed by signal " + std::to_string(end.value);
    case HookEnd::Kind::timed_out:
      return "time-out";
  }
  return "";
}

void HookQueue::add(HookCommand command) {
  if (stop_ != Stop::no || waiting_.size() == kMaxWaiting) return drop(command);
  waiting_.push_back(std::move(command));
  start_waiting();
}

void HookQueue::start_waiting() {
  while (running_.size() < kMaxRunning && !waiting_.empty()) {
    const HookCommand next = std::move(waiting_.front());
    waiting_.pop_front();
    start(next);
  }
  if (waiting_.size() < kMaxWaiting) report_dropped();
}

void HookQueue::start(const HookCommand& command) {
  const Id id = next_id_++;
  auto run = runner_.start(
      command, [this, id, name = command.name](const HookEnd& end) { on_end(id, name, end); });
  if (run) {
    running_.emplace(id, std::move(*run));
    return;
  }
  ++counts_.failed;
  spdlog::warn("hook {}: {}", printable(command.name), printable(run.error()));
}

void HookQueue::on_end(Id id, const std::string& name, const HookEnd& end) {
  ++(end.is_success() ? counts_.succeeded : counts_.failed);
  if (!end.is_success()) spdlog::warn("hook {}: {}", printable(name), to_text(end));
  const auto run = running_.extract(id);  // destroyed last: this is called by it
  start_waiting();
  report_if_idle();
}

/// The first one is told of at once, and how many they were when there is room again.
void HookQueue::drop(const HookCommand& command) {
  ++counts_.dropped;
  if (dropped_untold_++ > 0) return;
  spdlog::warn("hook {}: not run: {}", printable(command.name),
               stop_ == Stop::no ? std::to_string(kMaxWaiting) + " others are waiting"
                                 : std::string("bonedry is stopping"));
}

void HookQueue::report_dropped() {
  const std::uint64_t dropped = std::exchange(dropped_untold_, 0);
  if (dropped == 0) return;
  spdlog::warn("hooks: {} were not run, {} since the start", dropped, counts_.dropped);
}

void HookQueue::finish(std::function<void()> idle) {
  idle_ = std::move(idle);
  report_if_idle();
}

void HookQueue::stop(std::function<void()> idle) {
  if (stop_ == Stop::no) {
    stop_ = Stop::delayed;
    for (const HookCommand& command : std::exchange(waiting_, {})) drop(command);
    report_dropped();
    stop_timer_.arm(kStopDelay);
  }
  finish(std::move(idle));
}

void HookQueue::on_stop_timer() {
  if (stop_ == Stop::delayed) {
    stop_ = Stop::ended;
    for (const auto& [id, run] : running_) run->end();
    return stop_timer_.arm(HookRunner::kGrace +
                           2 * io::TimerWheel::kTick);  // the runner's is first
  }
  if (!running_.empty()) {
    spdlog::warn("hooks: {} did not end",
                 counted(static_cast<std::int64_t>(running_.size()), "hook"));
  }
  running_.clear();
  report_if_idle();
}

void HookQueue::report_if_idle() {
  if (!running_.empty() || !waiting_.empty() || !idle_) return;
  stop_timer_.disarm();
  std::exchange(idle_, nullptr)();
}

}  // namespace bonedry::admin
