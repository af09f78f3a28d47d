#pragma once

#include "balancer/node_id.h"
#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace bonedry::admin {

/// Something that happened and that an operator may want to know later.
struct Event {
  WallTime at;
  std::string kind;  ///< one word: "bleed", "dry", "activate", "maintain", "health", "reload", …
  std::string node;  ///< "shop/alice", or empty
  std::string text;  ///< one line for people
};

/// Keeps recent events and passes new ones to followers. Main thread only.
class EventLog {
 public:
  /// How many events are kept: a day of a busy fleet, well under a megabyte.
  static constexpr std::size_t kKept = 1000;

  explicit EventLog(const Clock& clock) : clock_(clock) {}

  /// Keeps the event, writes it to the process log and passes it to every follower.
  void add(std::string kind, std::string node, std::string text);
  void add(std::string kind, const balancer::NodeId& node, std::string text) {
    add(std::move(kind), node.text(), std::move(text));
  }

  /// The same for something that an operator must see to: a warning in the process log.
  void warn(std::string kind, std::string text);

  [[nodiscard]] const std::deque<Event>& recent() const { return events_; }

  /// Calls `follower` for every event from now on, until `unfollow`. A follower may unfollow
  /// itself while it is being called.
  using FollowId = std::uint64_t;
  FollowId follow(std::function<void(const Event&)> follower);
  void unfollow(FollowId id) { followers_.erase(id); }

 private:
  /// Keeps it and passes it on.
  void keep(Event event);

  const Clock& clock_;
  std::deque<Event> events_;
  std::map<FollowId, std::function<void(const Event&)>> followers_;
  FollowId next_id_ = 1;
};

}  // namespace bonedry::admin
