#include "bench/demo/expected_sessions.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {
namespace {

// Long enough for every `count` of an interval that has just ended.
constexpr Millis kRetention = std::chrono::seconds{5};

}  // namespace

void ExpectedSessions::first_request_failed(Instant sent) {
  first_requests_.erase(first_requests_.find(sent));
}

bool ExpectedSessions::may_start_on(const std::string& node, Instant sent) const {
  const auto since = out_of_rotation_since_.find(node);
  return since == out_of_rotation_since_.end() || sent <= since->second;
}

ExpectedSessions::SessionId ExpectedSessions::session_started(const std::string& node, Instant sent,
                                                              Instant received) {
  first_requests_.erase(first_requests_.find(sent));
  if (!may_start_on(node, sent)) ++misrouted_;
  const auto session =
      sessions_.emplace(next_id_, Session{node, received, sent, received, {}}).first;
  update_last_expiry(session->second);
  return next_id_++;
}

void ExpectedSessions::request_sent(SessionId id, Instant now) {
  const auto session = sessions_.find(id);
  if (session != sessions_.end()) session->second.open_request = now;
}

void ExpectedSessions::request_finished(SessionId id, Instant sent, Instant received) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return;
  session->second.open_request.reset();
  session->second.last_sent = sent;
  session->second.last_received = received;
  update_last_expiry(session->second);
}

void ExpectedSessions::update_last_expiry(const Session& session) {
  ExpiryRange& last = last_expiry_[session.node];
  last.earliest = std::max(last.earliest, session.last_sent + idle_timeout_);
  last.latest = std::max(last.latest, session.last_received + idle_timeout_);
}

ExpectedCount ExpectedSessions::count(const std::string& node, Instant from, Instant to) const {
  ExpectedCount count;
  for (const auto& [id, session] : sessions_) {
    if (session.node != node) continue;
    if (session.open_request || session.last_received + idle_timeout_ > to) ++count.estimate;
    const bool gone =
        !session.open_request && session.last_received + idle_timeout_ + kExpiryTolerance < from;
    if (gone) continue;
    // A request in progress keeps the session, if it was sent before the session expired.
    const bool alive = session.last_sent + idle_timeout_ > session.open_request.value_or(to);
    // Strictly before: within one millisecond the order is not known.
    if (alive && session.started < from) {
      ++count.certain;
    } else {
      ++count.in_transit;
    }
  }
  count.in_transit += std::count_if(first_requests_.begin(), first_requests_.end(),
                                    [&](Instant sent) { return may_start_on(node, sent); });
  return count;
}

std::optional<ExpectedSessions::ExpiryRange> ExpectedSessions::last_expiry(
    const std::string& node) const {
  const auto last = last_expiry_.find(node);
  if (last == last_expiry_.end()) return std::nullopt;
  return last->second;
}

bool ExpectedSessions::has_open_request(const std::string& node) const {
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second.node == node && entry.second.open_request;
  });
}

void ExpectedSessions::forget_expired(Instant now) {
  std::erase_if(sessions_, [&](const auto& entry) {
    const Session& session = entry.second;
    return !session.open_request && session.last_received + idle_timeout_ + kRetention < now;
  });
}

}  // namespace bonedry::demo
