#pragma once

#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/application_cookie.h"
#include "session/ledger.h"
#include "session/sealed_cookie.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bonedry::session {

/// How the cookie that a request brought compares with the one it should have.
enum class CookieStanding : std::uint8_t {
  current,  ///< nothing to do
  needed,   ///< the response must set one
};

/// Whether the user is still with us.
enum class Presence : std::uint8_t {
  here,
  left,  ///< by a logout
};

/// What a node's answer says about its user.
struct Answer {
  Presence user = Presence::here;
  CookieNews cookie;  ///< of the application's cookie that the pool watches
};

/// One request's relation to a session, from its head to its end. While `held` is set the session
/// cannot end by time; whoever owns the visit gives it back by `Affinity::leave`.
struct Visit {
  balancer::Claim claim = balancer::Claim::none;
  std::size_t node = 0;  ///< index in the pool of the claimed node; not for Claim::none
  SessionKey key;
  Instant created;
  std::optional<SessionRef> held;
  NodeSlot slot = 0;  ///< the node that `held` is on
  CookieStanding cookie = CookieStanding::needed;
  Presence user = Presence::here;  ///< left: this exchange has ended the session
};

/// Session cookies to sessions and back, for one pool as one topology has it: finds whose request
/// it is, keeps the ledger in step with where it goes, writes the cookie. Owned by one worker;
/// rebuilt with each topology; refers to `pool`, which must outlive it.
class Affinity {
 public:
  Affinity(const balancer::PoolView& pool, std::span<const std::string> secrets, Ledger& ledger,
           const Clock& clock);

  /// `values`: what the request's cookies of our name hold, in their order. The first that is
  /// genuine counts. A known session costs one look-up and no cryptography.
  [[nodiscard]] Visit arrive(std::span<const std::string_view> values, Instant now);

  /// The request goes to node `chosen` for the reason `verdict`: puts its session there. Returns
  /// the node to use, another one when a simultaneous request of the session was moved first.
  /// A visit without a session begins none here, see `begin`.
  [[nodiscard]] std::size_t settle(Visit& visit, balancer::Verdict verdict, std::size_t chosen,
                                   Instant now);

  /// Whether this request, answered with this status, is a logout by the pool's rules. `target` may
  /// have a query, which counts for nothing. A refused one leaves the user where they are.
  [[nodiscard]] bool logs_out(std::string_view method, std::string_view target, int status) const;
  /// The response field that says so by being there; empty: there is none.
  [[nodiscard]] const std::string& logout_header() const {
    return pool_.config.session.logout_header;
  }
  /// Notes what one of the response's Set-Cookie fields says. A response that gives a value clears
  /// none: it may clear an older one of another path, and no user is to be counted out too early.
  void note_set_cookie(std::string_view field, Answer& answer) const;

  /// `node` has answered: a new user's session begins, pending; that of a user who leaves ends, and
  /// is in no count from here on. Returns what the response's Set-Cookie of ours is to say; empty:
  /// it has none.
  [[nodiscard]] std::string answered(Visit& visit, std::size_t node, const Answer& answer);

  /// A new user's first response comes from `node`: a pending session begins.
  void begin(Visit& visit, std::size_t node, Instant now);

  /// "name=value; Path=/; …" for a visit that is on a node; the ledger is told of it. Attributes
  /// are computed anew each time, whatever the client sent.
  [[nodiscard]] std::string set_cookie(Visit& visit, std::size_t node);

  /// The exchange is over.
  void leave(Visit& visit, Instant now);

  [[nodiscard]] bool sticky() const { return pool_.config.session.sticky != conf::Sticky::none; }
  [[nodiscard]] const std::string& cookie_name() const { return pool_.config.session.cookie; }

 private:
  enum class Found : std::uint8_t { yes, no };

  Found look_up(std::string_view value, Visit& visit, Instant now);
  Found verify(std::string_view value, CookieCheck check, Ledger::Miss miss, Visit& visit,
               Instant now);
  Found adopt_or_end(const CookieContent& content, CookieCheck check, Visit& visit, Instant now);
  Found take(const OpenedSession& session, Visit& visit, Instant now);
  [[nodiscard]] std::optional<std::size_t> index_of(NodeSlot slot) const;
  /// Whether cookies may come for this node that the ledger ought to know and does not.
  [[nodiscard]] bool incomplete(const balancer::NodeView& view, Instant now) const;
  void count(const Visit& visit, balancer::Verdict verdict) const;
  std::string end(Visit& visit);

  const balancer::PoolView& pool_;
  Ledger& ledger_;
  const Clock& clock_;
  CookieSealer sealer_;
  std::unordered_map<NodeKey, std::size_t> nodes_;  // under every secret
  std::vector<NodeKey> node_keys_;                  // what new cookies say, by node index
  std::unordered_map<NodeSlot, std::size_t> slots_;
  std::string attributes_;
  std::string clearing_;  // the Set-Cookie that takes our cookie from the user
};

}  // namespace bonedry::session
