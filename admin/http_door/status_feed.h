#pragma once

#include "admin/command_result.h"
#include "admin/control_plane.h"
#include "proxy/base/block.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace bonedry::admin::http_door {

/// The status of all pools, or of one, each second, as a server-sent event. However many subscribe,
/// it is made once. Owned by the door, main thread only.
class StatusFeed {
 public:
  static constexpr Millis kInterval = std::chrono::seconds{1};

  class Subscriber {
   public:
    /// `event` is shared by all subscribers. May unsubscribe.
    virtual void on_status(const Slice& event) = 0;
    /// The pool is no longer in the config: nothing more comes.
    virtual void on_pool_gone(const CommandError& why) = 0;

   protected:
    ~Subscriber() = default;
  };

  /// All must outlive this.
  StatusFeed(io::EventLoop& loop, BlockPool& blocks, const ControlPlane& control)
      : blocks_(blocks), control_(control), timer_(loop.timers(), [this] { on_timer(); }) {}

  /// `pool` empty: all. The first status comes from inside this call. An error: no such pool.
  Result<Done, CommandError> subscribe(Subscriber& subscriber, const std::string& pool);
  void unsubscribe(Subscriber& subscriber);

 private:
  [[nodiscard]] Result<Slice, CommandError> event_of(const std::string& pool) const;
  void on_timer();
  void tell(const std::string& pool);

  BlockPool& blocks_;
  const ControlPlane& control_;
  io::Timer timer_;
  std::map<std::string, std::set<Subscriber*>> subscribers_;  // by pool; no set is empty
};

/// A slice in a block of its own with a copy of the text.
[[nodiscard]] Slice to_slice(BlockPool& blocks, std::string_view text);

}  // namespace bonedry::admin::http_door
