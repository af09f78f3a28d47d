// Answers that do not wait for ever for another process.

#include "admin/control_plane.h"
#include "proxy/base/duration.h"

#include <chrono>
#include <utility>

namespace bonedry::admin {
namespace {

/// Workers acknowledge within milliseconds; who asked waits for longer than this.
constexpr Millis kPatience = std::chrono::seconds{5};

}  // namespace

Answer ControlPlane::in_time(const std::string& until_then, const Answer& answer) {
  auto owed = std::make_shared<Owed>(Owed{parts_.clock.now() + kPatience, until_then, answer});
  owed_.push_back(owed);
  return [owed](Result<std::string> result) {
    if (const Answer give = std::exchange(owed->answer, nullptr)) give(std::move(result));
  };
}

void ControlPlane::answer_overdue() {
  while (!owed_.empty()) {
    const std::shared_ptr<Owed> owed = owed_.front().lock();
    if (owed && owed->answer && parts_.clock.now() < owed->due) return;
    owed_.pop_front();
    const Answer give = owed ? std::exchange(owed->answer, nullptr) : nullptr;
    if (!give) continue;
    const std::string who = laggard();
    give(Failure{(who.empty() ? "a worker" : who) + " has not answered for " +
                 format_duration(kPatience) +
                 ": what you asked for is written down and holds in this process, but until that "
                 "one answers or is gone, " +
                 owed->until_then});
  }
}

std::string ControlPlane::laggard() const {
  return parts_.laggard ? parts_.laggard() : std::string();
}

}  // namespace bonedry::admin
