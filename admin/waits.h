#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace bonedry::admin {

/// How a wait for a node ended.
enum class WaitEnd : std::uint8_t {
  dry,
  healthy,    ///< enough checks in a row passed
  unchecked,  ///< the node has no health checks: nothing to wait for
  timed_out,
  activated,  ///< the node is active again and will not become dry
  gone,       ///< the node is no longer in the config
};

/// What a wait is for.
enum class Awaited : std::uint8_t { dry, healthy };

/// Waits for nodes. Owned by ControlPlane, main thread only.
class Waits {
 public:
  using Id = std::uint64_t;
  using Callback = std::function<void(WaitEnd)>;
  /// How a wait ends in the current state; nothing: it goes on, until its time-out.
  using CheckEnd = std::function<std::optional<WaitEnd>()>;

  explicit Waits(const Clock& clock) : clock_(clock) {}

  /// `done` is called once, by `complete_finished`. `timeout`: nothing: no limit.
  Id begin(CheckEnd check_end, std::optional<Millis> timeout, Callback done);
  /// Does nothing if the wait has ended.
  void cancel(Id id) { waits_.erase(id); }

  /// Ends the waits whose `check_end` says so or whose time is up. Their callbacks may begin and
  /// cancel other waits.
  void complete_finished();

 private:
  struct Wait {
    CheckEnd check_end;
    std::optional<Instant> until;
    Callback done;
  };

  [[nodiscard]] std::optional<WaitEnd> end_of(const Wait& wait) const;

  const Clock& clock_;
  std::map<Id, Wait> waits_;
  Id next_ = 1;
};

}  // namespace bonedry::admin
