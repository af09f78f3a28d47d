#include "admin/event_log.h"

#include "admin/printable.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

std::string line_of(const std::string& kind, const std::string& node, const std::string& text) {
  return kind + (node.empty() ? "" : " ") + node + ": " + printable(text);
}

}  // namespace

void EventLog::keep_in(EventJournal& journal) {
  journal_ = &journal;
  const std::vector<Event> kept = journal.load(kKept);
  events_.insert(events_.begin(), kept.begin(), kept.end());
  while (events_.size() > kKept) events_.pop_front();
  number_events();
}

void EventLog::number_events() {
  std::uint64_t without = 0;
  std::uint64_t highest = 0;
  for (Event& event : events_) {
    if (event.id == 0) event.id = ++without;
    highest = std::max(highest, event.id);
  }
  if (highest > 0) last_event_id_ = highest + kIdGap;
}

void EventLog::add(std::string kind, std::string node, std::string text, Author author) {
  spdlog::info("{}", line_of(kind, node, text));
  keep({clock_.wall(), std::move(kind), std::move(node), std::move(text), std::move(author.by),
        std::move(author.reason)});
}

void EventLog::warn(std::string kind, std::string node, std::string text) {
  spdlog::warn("{}", line_of(kind, node, text));
  keep({clock_.wall(), std::move(kind), std::move(node), std::move(text)});
}

void EventLog::error(std::string node, std::string text) {
  spdlog::error("{}", line_of("error", node, text));
  keep({clock_.wall(), "error", std::move(node), std::move(text)});
}

void EventLog::keep(Event kept) {
  kept.id = ++last_event_id_;
  events_.push_back(std::move(kept));
  if (events_.size() > kKept) events_.pop_front();
  const Event event = events_.back();
  write_to_journal(event);
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

/// A full disk is told of once, and how much is missing when it has room again.
void EventLog::write_to_journal(const Event& event) {
  if (journal_ == nullptr) return;
  const Result<> written = journal_->append(event);
  if (!written && lost_++ == 0) spdlog::error("events are not kept: {}", written.error());
  if (!written || lost_ == 0) return;
  spdlog::warn("events are kept again; {} are missing on disk", lost_);
  lost_ = 0;
}

EventLog::FollowId EventLog::follow(std::function<void(const Event&)> follower) {
  followers_.emplace(next_id_, std::move(follower));
  return next_id_++;
}

}  // namespace bonedry::admin
