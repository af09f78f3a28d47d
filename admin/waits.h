#pragma once

#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace bonedry::admin {

/// How a wait for dryness ended.
enum class WaitEnd : std::uint8_t {
  dry,
  timed_out,
  activated,  ///< the node is active again and will not become dry
  gone,       ///< the node is no longer in the config
};

/// Waits for nodes to become dry. Owned by ControlPlane, main thread only.
class Waits {
 public:
  using Id = std::uint64_t;
  using Callback = std::function<void(WaitEnd)>;
  /// How a wait for a node ends in the current state; nothing: it goes on, until its time-out.
  using CheckEnd = std::function<std::optional<WaitEnd>(const balancer::NodeId&)>;

  explicit Waits(const Clock& clock) : clock_(clock) {}

  /// `done` is called once, by `complete_finished`. `timeout`: nothing: no limit.
  Id begin(balancer::NodeId node, std::optional<Millis> timeout, Callback done);
  /// Does nothing if the wait has ended.
  void cancel(Id id) { waits_.erase(id); }

  /// Ends the waits that `check_end` ends or whose time is up. Their callbacks may begin and cancel
  /// other waits.
  void complete_finished(const CheckEnd& check_end);

 private:
  struct Wait {
    balancer::NodeId node;
    std::optional<Instant> until;
    Callback done;
  };

  [[nodiscard]] std::optional<WaitEnd> end_of(const Wait& wait, const CheckEnd& check_end) const;

  const Clock& clock_;
  std::map<Id, Wait> waits_;
  Id next_ = 1;
};

}  // namespace bonedry::admin
