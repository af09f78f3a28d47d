#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace bonedry::demo {

/// The number of sessions on a node, as the users themselves know it.
struct TrueCount {
  std::int64_t now = 0;      ///< best knowledge at the end of the requested interval
  std::int64_t certain = 0;  ///< there during the whole interval, whatever the network delay
  std::int64_t transit = 0;  ///< users in transit: possibly there for a part of the interval
};

/// Which user is on which node: derived from what the users see, without asking the proxy. A user
/// is on a node from the first response that she got from it until `idle_timeout` after the last
/// one.
///
/// The proxy cannot know these moments exactly, nor can we know the proxy's: a response received at
/// r to a request sent at s ended for the proxy at some time between s and r. So a user is in
/// transit, neither here nor gone, while her first request is in progress, and from s +
/// `idle_timeout` to r + `idle_timeout` + `kSlack`.
class Truth {
 public:
  /// The time the proxy has to notice that a session ran out: it sweeps every 100 ms.
  static constexpr Millis kSlack{250};

  using VisitId = std::uint64_t;

  explicit Truth(Millis idle_timeout) : idle_timeout_(idle_timeout) {}

  [[nodiscard]] Millis idle_timeout() const { return idle_timeout_; }

  /// A user without a session sent her first request at `sent`.
  void arriving(Instant sent) { arriving_.insert(sent); }
  /// That request failed: she got no session.
  void turned_away(Instant sent);
  /// `node` responded to it: her session has begun.
  VisitId landed(const std::string& node, Instant sent, Instant received);

  /// She sends a request; its success or failure is reported later.
  void clicks(VisitId id, Instant now);
  void answered(VisitId id, Instant sent, Instant received);
  /// Her session was lost before its time.
  void lost(VisitId id) { visits_.erase(id); }

  /// From now on `node` may get no new user, until its door is opened again.
  void close_door(const std::string& node, Instant now) { closed_since_[node] = now; }
  void open_door(const std::string& node) { closed_since_.erase(node); }
  [[nodiscard]] bool door_closed(const std::string& node) const {
    return closed_since_.contains(node);
  }
  /// The number of users who reached a node although they sent their first request after its door
  /// closed.
  [[nodiscard]] std::uint64_t intruders() const { return intruders_; }

  /// The possible results of counting the sessions of `node` at some moment between the two
  /// instants. Must be called at `to`: past sessions are forgotten soon.
  [[nodiscard]] TrueCount count(const std::string& node, Instant from, Instant to) const;

  /// The interval in which the last session that was ever on the node runs out: not before
  /// `earliest`, and by `latest`. Empty when there was none yet.
  struct RunsOut {
    Instant earliest;
    Instant latest;
  };
  [[nodiscard]] std::optional<RunsOut> last_runs_out(const std::string& node) const;

  /// Whether a request of a session on the node is in progress.
  [[nodiscard]] bool clicking_on(const std::string& node) const;

  /// Forgets sessions that ran out long ago.
  void forget_old(Instant now);

 private:
  /// One session, from its first response on.
  struct Visit {
    std::string node;
    Instant begun;                   ///< when the first response was received
    Instant sent;                    ///< the last request that got a response
    Instant received;                ///< its response
    std::optional<Instant> clicked;  ///< set while a request is in progress
  };

  [[nodiscard]] bool may_land(const std::string& node, Instant sent) const;
  void note_last(const Visit& visit);

  Millis idle_timeout_;
  std::map<VisitId, Visit> visits_;
  VisitId next_ = 1;
  std::multiset<Instant> arriving_;
  std::map<std::string, RunsOut> last_;
  std::map<std::string, Instant> closed_since_;
  std::uint64_t intruders_ = 0;
};

}  // namespace bonedry::demo
