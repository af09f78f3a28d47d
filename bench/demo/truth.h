#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace bonedry::demo {

/// How many sessions are on a node, as the users themselves know it.
struct TrueCount {
  std::int64_t now = 0;      ///< best knowledge at the end of the interval asked about
  std::int64_t certain = 0;  ///< there through the whole interval, whatever happened on the wire
  std::int64_t transit = 0;  ///< users in transit: there for some moment of it, perhaps
};

/// Who is on which node: kept from what the users see, without asking the proxy. A user is on a
/// node from the first response that she got from it until `idle_timeout` after the last one.
///
/// The proxy cannot know these moments exactly, nor can we know the proxy's: a response that we
/// received at r to a request that we sent at s was over for the proxy somewhere between. So users
/// are in transit, neither here nor gone, while their first request is under way, and from
/// s + `idle_timeout` to r + `idle_timeout` + `kSlack`.
class Truth {
 public:
  /// What the proxy is given to notice that a session ran out: its sweep comes every 100 ms.
  static constexpr Millis kSlack{250};

  using VisitId = std::uint64_t;

  explicit Truth(Millis idle_timeout) : idle_timeout_(idle_timeout) {}

  [[nodiscard]] Millis idle_timeout() const { return idle_timeout_; }

  /// A user without a session sent her first request at `sent`.
  void arriving(Instant sent) { arriving_.insert(sent); }
  /// It failed: she got no session.
  void turned_away(Instant sent);
  /// `node` answered it: her session has begun.
  VisitId landed(const std::string& node, Instant sent, Instant received);

  /// She clicks on, and is answered, well or not.
  void clicks(VisitId id, Instant now);
  void answered(VisitId id, Instant sent, Instant received);
  /// Her session was taken from her before its time.
  void lost(VisitId id) { visits_.erase(id); }

  /// From now on `node` may get no new user, until its door is opened again.
  void close_door(const std::string& node, Instant now) { closed_since_[node] = now; }
  void open_door(const std::string& node) { closed_since_.erase(node); }
  [[nodiscard]] bool door_closed(const std::string& node) const {
    return closed_since_.contains(node);
  }
  /// How often a user landed who had sent her first request after the door was closed.
  [[nodiscard]] std::uint64_t intruders() const { return intruders_; }

  /// What a count of `node` that was taken at some moment between the two instants can truly be.
  /// To be asked at `to`: what is over is forgotten soon.
  [[nodiscard]] TrueCount count(const std::string& node, Instant from, Instant to) const;

  /// When the last session that ever was on the node has run out: not before the one, at the
  /// latest at the other. Empty when there was none yet.
  struct RunsOut {
    Instant earliest;
    Instant latest;
  };
  [[nodiscard]] std::optional<RunsOut> last_runs_out(const std::string& node) const;

  /// Whether a request of a session on the node is under way.
  [[nodiscard]] bool clicking_on(const std::string& node) const;

  /// Forgets what ran out long ago.
  void forget_old(Instant now);

 private:
  /// One session, from its first response on.
  struct Visit {
    std::string node;
    Instant begun;                   ///< when the first response was received
    Instant sent;                    ///< the last request that was answered
    Instant received;                ///< its response
    std::optional<Instant> clicked;  ///< set while a request is under way
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
