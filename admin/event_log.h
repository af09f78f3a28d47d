#pragma once

#include "admin/author.h"
#include "admin/event.h"
#include "admin/event_journal.h"
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

/// Keeps recent events and passes new ones to followers. Main thread only.
class EventLog {
 public:
  /// How many events are kept: a day of a busy fleet, well under a megabyte.
  static constexpr std::size_t kKept = 1000;
  /// A process begins so far above the newest id on disk: what the process before still adds, while
  /// it drains after an upgrade, has lower ids than its own.
  static constexpr std::uint64_t kIdGap = 1000;

  explicit EventLog(const Clock& clock) : clock_(clock) {}

  /// Goes on with the newest events of the journal, which gets all from now on. It must outlive
  /// this.
  void keep_in(EventJournal& journal);

  /// Keeps the event, writes it to the process log and passes it to every follower. Who asked for
  /// it is also part of the text, where that is wanted.
  void add(std::string kind, std::string node, std::string text, Author author = {});
  void add(std::string kind, const balancer::NodeId& node, std::string text, Author author = {}) {
    add(std::move(kind), node.text(), std::move(text), std::move(author));
  }

  /// The same for something that an operator should see to: a warning in the process log.
  void warn(std::string kind, std::string node, std::string text);
  void warn(std::string kind, std::string text) { warn(std::move(kind), "", std::move(text)); }
  /// The same for something that has failed: an event of the kind "error", and an error in the
  /// process log.
  void error(std::string node, std::string text);

  [[nodiscard]] const std::deque<Event>& recent() const { return events_; }

  /// Calls `follower` for every event from now on, until `unfollow`. A follower may unfollow
  /// itself while it is being called.
  using FollowId = std::uint64_t;
  FollowId follow(std::function<void(const Event&)> follower);
  void unfollow(FollowId id) { followers_.erase(id); }

 private:
  /// Keeps it and passes it on.
  void keep(Event event);
  /// Gives ids to events of a version that had none, and goes on above all ids.
  void number_events();

  void write_to_journal(const Event& event);

  const Clock& clock_;
  EventJournal* journal_ = nullptr;
  std::uint64_t lost_ = 0;  // events that the journal could not take since it last took one
  std::deque<Event> events_;
  std::uint64_t last_event_id_ = 0;
  std::map<FollowId, std::function<void(const Event&)>> followers_;
  FollowId next_id_ = 1;
};

}  // namespace bonedry::admin
