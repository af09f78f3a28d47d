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
  activated,  ///< the node is active: it will not become dry
  gone,       ///< the node is no longer in the config
};

/// Those who wait for a node to be dry. Owned by ControlPlane, main thread only.
class Waits {
 public:
  using Id = std::uint64_t;
  using Callback = std::function<void(WaitEnd)>;
  /// How a wait for a node ends by what is so now; nothing: it goes on, until its time-out.
  using CheckEnd = std::function<std::optional<WaitEnd>(const balancer::NodeId&)>;

  explicit Waits(const Clock& clock) : clock_(clock) {}

  /// `done` is called once, by `complete_finished`. `timeout`: nothing, it is waited for ever.
  Id begin(balancer::NodeId node, std::optional<Millis> timeout, Callback done);
  /// Of one that has ended it does nothing.
  void cancel(Id id) { waits_.erase(id); }

  /// Ends those that `check_end` ends or whose time is up, which may begin and cancel others.
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
