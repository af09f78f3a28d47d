// Answers that do not wait for ever for another process.

#include "admin/control_plane.h"
#include "proxy/base/duration.h"

#include <chrono>
#include <utility>

namespace bonedry::admin {
namespace {

/// Workers acknowledge within milliseconds; who asked waits for longer than this.
constexpr Millis kTimeLimit = std::chrono::seconds{5};

}  // namespace

Answer ControlPlane::in_time(const std::string& until_then, const Answer& answer) {
  auto promised = std::make_shared<PromisedAnswer>(
      PromisedAnswer{parts_.clock.now() + kTimeLimit, until_then, answer});
  promised_.push_back(promised);
  return [promised](Result<std::string> result) {
    if (const Answer give = std::exchange(promised->answer, nullptr)) give(std::move(result));
  };
}

void ControlPlane::answer_overdue() {
  while (!promised_.empty()) {
    const std::shared_ptr<PromisedAnswer> promised = promised_.front().lock();
    if (promised && promised->answer && parts_.clock.now() < promised->due) return;
    promised_.pop_front();
    const Answer give = promised ? std::exchange(promised->answer, nullptr) : nullptr;
    if (!give) continue;
    const std::string who = who_has_not_followed();
    give(Failure{(who.empty() ? "a worker" : who) + " has not answered for " +
                 format_duration(kTimeLimit) +
                 ": what you asked for is written down and holds in this process, but until that "
                 "one answers or is gone, " +
                 promised->until_then});
  }
}

std::string ControlPlane::who_has_not_followed() const {
  return parts_.who_has_not_followed ? parts_.who_has_not_followed() : std::string();
}

}  // namespace bonedry::admin
