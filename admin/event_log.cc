#include "admin/event_log.h"

#include "admin/printable.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

namespace bonedry::admin {

void EventLog::add(std::string kind, std::string node, std::string text) {
  spdlog::info("{}{}{}: {}", kind, node.empty() ? "" : " ", node, printable(text));
  keep({clock_.wall(), std::move(kind), std::move(node), std::move(text)});
}

void EventLog::warn(std::string kind, std::string text) {
  spdlog::warn("{}: {}", kind, printable(text));
  keep({clock_.wall(), std::move(kind), "", std::move(text)});
}

void EventLog::keep(Event kept) {
  events_.push_back(std::move(kept));
  if (events_.size() > kKept) events_.pop_front();
  const Event event = events_.back();
  std::vector<FollowId> ids;
  ids.reserve(followers_.size());
  for (const auto& [id, follower] : followers_) ids.push_back(id);
  for (const FollowId id : ids) {
    const auto found = followers_.find(id);
    if (found == followers_.end()) continue;
    const auto follower = found->second;  // a copy, because it may unfollow itself
    follower(event);
  }
}

EventLog::FollowId EventLog::follow(std::function<void(const Event&)> follower) {
  followers_.emplace(next_id_, std::move(follower));
  return next_id_++;
}

}  // namespace bonedry::admin
