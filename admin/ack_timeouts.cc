#include "admin/ack_timeouts.h"

#include "proxy/base/duration.h"

#include <chrono>
#include <utility>

namespace bonedry::admin {

ChangeCallback AckTimeouts::with_timeout(std::string consequence, ChangeCallback callback) {
  auto promise = std::make_shared<PendingAck>(
      PendingAck{clock_.now() + limit_, std::move(consequence), std::move(callback)});
  pending_.push_back(promise);
  return [promise](Result<ChangeResult, CommandError> result) {
    if (const ChangeCallback give = std::exchange(promise->callback, nullptr))
      give(std::move(result));
  };
}

void AckTimeouts::tick() {
  while (!pending_.empty()) {
    const std::shared_ptr<PendingAck> promise = pending_.front().lock();
    if (promise && promise->callback && clock_.now() < promise->due) return;
    pending_.pop_front();
    const ChangeCallback give = promise ? std::exchange(promise->callback, nullptr) : nullptr;
    if (!give) continue;
    const std::string who = lagging_process_();
    give(fail(ErrorCode::unacknowledged,
              (who.empty() ? "a worker" : who) + " has not acknowledged within " +
                  format_duration(limit_) +
                  ": the change is saved and in force in this process, but until it "
                  "acknowledges or exits, " +
                  promise->consequence));
  }
}

}  // namespace bonedry::admin
