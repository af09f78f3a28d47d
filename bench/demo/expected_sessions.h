#pragma once

#include "proxy/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bonedry::demo {

/// The number of sessions that a node should have at some moment of an interval.
struct ExpectedCount {
  std::int64_t estimate = 0;    ///< the best estimate, for the end of the interval
  std::int64_t certain = 0;     ///< present during the whole interval, whatever the network delay
  std::int64_t in_transit = 0;  ///< possibly present during a part of the interval
};

/// The sessions of all users by node, derived from the users' own requests and responses without
/// asking the proxy. A session begins with its first response and expires `idle_timeout` after the
/// last one.
///
/// The proxy sees these moments at other times than the user: a response received at R to a request
/// sent at S was complete for the proxy at some time between S and R. So a session is in transit,
/// neither certainly present nor certainly gone, while its first request is in progress, and from
/// S + `idle_timeout` to R + `idle_timeout` + `kExpiryTolerance`.
class ExpectedSessions {
 public:
  /// How long the proxy may take to notice that a session has expired: it checks every 100 ms.
  static constexpr Millis kExpiryTolerance{250};

  using SessionId = std::uint64_t;

  /// A request with a response, and the proxy that it went through.
  struct Exchange {
    /// Whether the user came with the cookie of a session, which may have expired.
    enum class Cookie : std::uint8_t { none, sent };

    Instant sent;
    Instant received;
    std::size_t proxy = 0;
    Cookie cookie = Cookie::none;
  };

  /// `behind`: by how much the counts that are compared may be old.
  ExpectedSessions(Millis idle_timeout, Millis behind)
      : idle_timeout_(idle_timeout), behind_(behind) {}

  [[nodiscard]] Millis idle_timeout() const { return idle_timeout_; }

  /// A user without a session sent a request.
  void first_request_sent(Instant sent) { first_requests_.insert(sent); }
  /// It failed: no session began.
  void first_request_failed(Instant sent);
  /// It was repeated, because a proxy ended meanwhile, and completed by `completed`: one more
  /// session may have begun, which no user has. Another call for the request follows.
  void first_request_lost(Instant sent, Instant completed);
  /// `node` responded to it: a session has begun.
  SessionId session_started(const std::string& node, const Exchange& exchange);

  /// The user of the session sent a request. `request_finished` must follow, also when it fails.
  void request_sent(SessionId id, Instant now);
  void request_finished(SessionId id, const Exchange& exchange);
  /// The session ended before it expired.
  void session_lost(SessionId id) { sessions_.erase(id); }
  /// The proxy was killed: what it learned last, the others may not know yet.
  void proxy_killed(std::size_t proxy, Instant now);

  /// From now on `node` may get no new session, until it is put back into rotation.
  void take_out_of_rotation(const std::string& node, Instant now) {
    out_of_rotation_since_[node] = now;
  }
  void put_into_rotation(const std::string& node) { out_of_rotation_since_.erase(node); }
  [[nodiscard]] bool is_out_of_rotation(const std::string& node) const {
    return out_of_rotation_since_.contains(node);
  }
  /// The number of sessions that began on a node although their first request was sent after the
  /// node had been taken out of rotation.
  [[nodiscard]] std::uint64_t misrouted() const { return misrouted_; }
  /// Those not counted as misrouted, because the user had an old cookie, and the proxies could not
  /// be certain that its session had expired: they take him back in on his own node.
  [[nodiscard]] std::uint64_t taken_back() const { return taken_back_; }
  /// A proxy says that it does not know all sessions at the moment.
  void doubt(Instant now) { last_doubt_ = now; }

  /// The possible numbers of sessions of `node` at some moment between the two instants. Must be
  /// called at `to`, because expired sessions are soon forgotten.
  [[nodiscard]] ExpectedCount count(const std::string& node, Instant from, Instant to) const;

  /// The interval in which a session expires; the users cannot know it more exactly.
  struct ExpiryRange {
    Instant earliest;
    Instant latest;
  };
  /// When the last of all sessions of the node expires, those that have already expired included.
  /// Empty when the node never had a session.
  [[nodiscard]] std::optional<ExpiryRange> last_expiry(const std::string& node) const;

  /// Whether a session of the node has a request in progress.
  [[nodiscard]] bool has_open_request(const std::string& node) const;

  /// Forgets sessions that expired long ago.
  void forget_expired(Instant now);

 private:
  struct Session {
    std::string node;
    Instant started;                      ///< when the first response was received
    Exchange last;                        ///< the last finished request
    std::optional<Instant> open_request;  ///< when the request in progress was sent
    bool unshared = false;                ///< `last` went through a proxy that was killed just then
  };
  struct LostRequest {
    Instant sent;
    Instant completed;
  };

  [[nodiscard]] bool may_start_on(const std::string& node, Instant sent) const;
  [[nodiscard]] bool in_doubt(const Exchange& exchange) const;
  void update_last_expiry(const Session& session);
  [[nodiscard]] std::int64_t count_first_requests(const std::string& node, Instant from) const;

  Millis idle_timeout_;
  Millis behind_;
  std::map<SessionId, Session> sessions_;
  SessionId next_id_ = 1;
  std::multiset<Instant> first_requests_;  // in progress: when each was sent
  std::vector<LostRequest> lost_first_requests_;
  std::map<std::string, ExpiryRange> last_expiry_;
  std::map<std::string, Instant> out_of_rotation_since_;
  std::uint64_t misrouted_ = 0;
  std::uint64_t taken_back_ = 0;
  std::optional<Instant> last_doubt_;
};

}  // namespace bonedry::demo
