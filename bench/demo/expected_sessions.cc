#include "bench/demo/expected_sessions.h"

#include <algorithm>
#include <utility>

namespace bonedry::demo {
namespace {

// Long enough for every `count` of an interval that has just ended.
constexpr Millis kRetention = std::chrono::seconds{5};
// A proxy asks the others for a session for at most 100 ms, less by the 50 ms between two looks.
constexpr Millis kQuickAnswer{50};

}  // namespace

void ExpectedSessions::first_request_failed(Instant sent) {
  first_requests_.erase(first_requests_.find(sent));
}

bool ExpectedSessions::may_start_on(const std::string& node, Instant sent) const {
  const auto since = out_of_rotation_since_.find(node);
  return since == out_of_rotation_since_.end() || sent <= since->second;
}

void ExpectedSessions::first_request_lost(Instant sent, Instant completed) {
  lost_first_requests_.push_back({sent, completed});
  for (auto& [node, last] : last_expiry_) {
    if (may_start_on(node, sent)) last.latest = std::max(last.latest, completed + idle_timeout_);
  }
}

bool ExpectedSessions::in_doubt(const Exchange& exchange) const {
  if (exchange.cookie == Exchange::Cookie::none || behind_ == Millis{0}) return false;
  const bool late = exchange.received - exchange.sent >= kQuickAnswer;
  return late || (last_doubt_ && exchange.sent <= *last_doubt_ + behind_);
}

ExpectedSessions::SessionId ExpectedSessions::session_started(const std::string& node,
                                                              const Exchange& exchange) {
  first_requests_.erase(first_requests_.find(exchange.sent));
  if (!may_start_on(node, exchange.sent)) ++(in_doubt(exchange) ? taken_back_ : misrouted_);
  const auto session =
      sessions_.emplace(next_id_, Session{node, exchange.received, exchange, {}, false}).first;
  update_last_expiry(session->second);
  return next_id_++;
}

void ExpectedSessions::request_sent(SessionId id, Instant now) {
  const auto session = sessions_.find(id);
  if (session != sessions_.end()) session->second.open_request = now;
}

void ExpectedSessions::request_finished(SessionId id, const Exchange& exchange) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return;
  session->second.open_request.reset();
  session->second.last = exchange;
  session->second.unshared = false;
  update_last_expiry(session->second);
}

void ExpectedSessions::proxy_killed(std::size_t proxy, Instant now) {
  for (auto& [id, session] : sessions_) {
    if (session.last.proxy == proxy && session.last.received + behind_ > now) {
      session.unshared = true;
    }
  }
}

void ExpectedSessions::update_last_expiry(const Session& session) {
  ExpiryRange& last = last_expiry_[session.node];
  last.earliest = std::max(last.earliest, session.last.sent + idle_timeout_);
  last.latest = std::max(last.latest, session.last.received + idle_timeout_);
}

std::int64_t ExpectedSessions::count_first_requests(const std::string& node, Instant from) const {
  return std::count_if(first_requests_.begin(), first_requests_.end(),
                       [&](Instant sent) { return may_start_on(node, sent); }) +
         std::count_if(lost_first_requests_.begin(), lost_first_requests_.end(),
                       [&](const LostRequest& request) {
                         return may_start_on(node, request.sent) &&
                                request.completed + idle_timeout_ + kExpiryTolerance >= from;
                       });
}

ExpectedCount ExpectedSessions::count(const std::string& node, Instant from, Instant to) const {
  ExpectedCount count;
  const Instant oldest = from - behind_;
  for (const auto& [id, session] : sessions_) {
    if (session.node != node) continue;
    const Instant end = session.last.received + idle_timeout_;
    if (session.open_request || end > to) ++count.estimate;
    const bool gone = !session.open_request && end + kExpiryTolerance < oldest;
    if (gone) continue;
    // A request in progress keeps the session, if it was sent before the session expired.
    const bool alive = session.last.sent + idle_timeout_ > session.open_request.value_or(to);
    // Strictly before: within one millisecond the order is not known.
    if (alive && session.started < oldest && !session.unshared) {
      ++count.certain;
    } else {
      ++count.in_transit;
    }
  }
  count.in_transit += count_first_requests(node, oldest);
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
    return !session.open_request &&
           session.last.received + idle_timeout_ + behind_ + kRetention < now;
  });
  std::erase_if(lost_first_requests_, [&](const LostRequest& request) {
    return request.completed + idle_timeout_ + behind_ + kRetention < now;
  });
}

}  // namespace bonedry::demo
