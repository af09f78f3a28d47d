#pragma once

#include "admin/command_result.h"
#include "proxy/base/clock.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace bonedry::admin {

/// Answers that wait for all workers, but not for ever: of a worker or another process that does
/// not acknowledge, the operator is told in time. Owned by ControlPlane, main thread only.
class AckTimeouts {
 public:
  /// `who`: names the other process that has not acknowledged; "": none.
  AckTimeouts(const Clock& clock, std::function<std::string()> who)
      : clock_(clock), who_(std::move(who)) {}

  /// `answer`, called once: as usual, or by `tick`, when that has taken some seconds.
  /// `pending_effect`: what is held up meanwhile.
  [[nodiscard]] ChangeCallback promise(std::string pending_effect, ChangeCallback answer);
  /// Answers what is overdue.
  void tick();

 private:
  struct PendingAck {
    Instant due;
    std::string pending_effect;
    ChangeCallback answer;  // empty: it was given
  };

  const Clock& clock_;
  std::function<std::string()> who_;
  std::deque<std::weak_ptr<PendingAck>> pending_;  // by `due`; gone: nobody is left to give it
};

}  // namespace bonedry::admin
