#pragma once

#include "admin/command_result.h"
#include "proxy/base/clock.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::admin {

/// Limits how long a response waits for all workers. If a worker or another process has not
/// acknowledged in time, the operator gets an error instead. Owned by ControlPlane, main thread
/// only.
class AckTimeouts {
 public:
  /// `who` names the other process that has not acknowledged; "" if there is none.
  AckTimeouts(const Clock& clock, std::function<std::string()> who)
      : clock_(clock), lagging_process_(std::move(who)) {}

  /// Returns a callback that passes its result on to `callback`. If some seconds pass without that,
  /// `tick` calls `callback` with an error. `callback` is called only once. `consequence`: what is
  /// held up until all have acknowledged.
  [[nodiscard]] ChangeCallback with_timeout(std::string consequence, ChangeCallback callback);
  /// From now on it may take that much longer.
  void extend_by(Millis time) { limit_ += time; }
  /// Reports an error for each acknowledgement that is overdue.
  void tick();

 private:
  struct PendingAck {
    Instant due;
    std::string consequence;
    ChangeCallback callback;  // empty: already called
  };

  /// Workers acknowledge within milliseconds; clients wait longer than this for a response.
  static constexpr Millis kTimeLimit = std::chrono::seconds{5};

  const Clock& clock_;
  Millis limit_ = kTimeLimit;
  std::function<std::string()> lagging_process_;
  // Ordered by `due`. Expired: the callback was destroyed.
  std::deque<std::weak_ptr<PendingAck>> pending_;
};

}  // namespace bonedry::admin
