#pragma once

#include "balancer/node.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "session/ledger.h"
#include "tests/unit/control/promise_browser.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What a proxy promises its users and its operator (docs/bleeding.md, docs/routing.md), without
/// how it is kept: no shards, no doors shut for a second check, no files. Too simple to be wrong.
namespace bonedry::admin::plain {

using balancer::NodeState;
using session::SessionState;
using session::SessionTimes;

/// After a standstill, how long the process ends no session and first handles waiting requests.
constexpr Millis kCatchUp{2'000};

using Key = std::uint64_t;  ///< names a session; the user's next session keeps it

struct Node {
  NodeState state = NodeState::active;
  std::optional<Instant> deadline;
  bool displaced = false;  ///< the operator took its sessions off it (deadline, forced maintenance)
  bool dry = false;
  bool configured = true;  ///< no: kept until it has no sessions
  bool gone = false;       ///< no longer kept; displaced sessions may still name it
  unsigned weight = 100;
  bool down = false;  ///< as measured now, also in old plans
  bool measured = false;
  SessionTimes times;
  std::uint64_t changed = 0;  ///< the version of the topology that last changed its state

  [[nodiscard]] bool shut() const { return state == NodeState::maintenance || dry || displaced; }
};

struct Session {
  std::string node;
  SessionState state = SessionState::pending;
  Instant created;
  Instant last;
  int open = 0;
  bool displaced = false;
  bool recorded = true;    ///< no: the ledger lost it, but the user is still on its node
  std::uint64_t life = 0;  ///< number among all sessions ever; a key may have several in turn
  /// The application's cookie with which the user's browser identifies this session, if there is
  /// one and the proxy saw it being set.
  struct Known {
    std::optional<CookieId> cookie = {};
    bool several = false;  ///< or there may be several

    /// True: it is still the only one.
    bool take(const CookieId& given) {
      const bool same = !several && (cookie ? *cookie == given : given.usual());
      several = !same;
      cookie = given;
      return same;
    }
  } known = {};
  bool doubted = false;                  ///< its values may have been forgotten
  std::vector<std::string> values = {};  ///< of the application's cookie, the newest last
};

/// A value of an application's cookie that names a session.
struct Value {
  Key key = 0;
  std::optional<CookieId> cookie;  ///< nothing: the proxy did not see it being set
  /// When it was last set or sent, or when a request with it last ended.
  Instant used;
  std::optional<Instant> confirm_renewal;  ///< when a request first sent it
};

/// The content of a genuine cookie.
struct Cookie {
  Key key = 0;
  std::string node;
  WallTime issued;  ///< in whole seconds
};

/// The content of one topology, for a worker that has it.
struct Plan {
  std::map<std::string, Node> nodes;  ///< only of pools in the config
  std::map<std::string, conf::Session> pools;
  Instant lost_at;  ///< when records were last lost; 0: never
  std::uint64_t version = 0;

  [[nodiscard]] const Node* find(const std::string& node) const;
  /// Whether a cookie that the ledger does not know may still be valid.
  [[nodiscard]] bool incomplete(const std::string& node, Instant now) const;
};
using PlanPtr = std::shared_ptr<const Plan>;

/// One request's relation to a session.
struct SessionBinding {
  enum class Claim : std::uint8_t {
    none,     ///< a new user
    session,  ///< holds a session
    ended,    ///< a genuine cookie of a session that is over
  };
  std::string pool;
  Claim claim = Claim::none;
  Key key = 0;
  std::string node;        ///< of the session or the cookie
  bool displaced = false;  ///< the session was, when it was found
  bool over = false;       ///< a logout ended the session that it holds
  bool rescued = false;    ///< moves when the new node has been reached
  Instant created;
  std::string value = {};       ///< of the application's cookie that found the session
  std::string sent_value = {};  ///< the value sent, which may become a session's
};

using Tried = std::set<std::string>;        ///< nodes that could not be reached
using Target = std::optional<std::string>;  ///< nothing: 503

enum class Found : std::uint8_t { no, yes };
enum class Did : std::uint8_t { refused, nothing, changed };

/// A session that survived damage to the ledger.
struct Survivor {
  std::string node;
  Instant last;
};

class Model {
 public:
  // -- The operator. `version`: of the topology that contains the change.
  void configure(const conf::Config& config, std::uint64_t version);
  Did bleed(const std::string& key, std::optional<Instant> deadline, bool force,
            std::uint64_t version);
  /// For a node in maintenance.
  Did bleed_from_maintenance(const std::string& key, std::uint64_t version);
  Did maintain(const std::string& key, bool force, std::uint64_t version);
  Did activate(const std::string& key, std::uint64_t version);

  // -- Time.
  /// Ends expired sessions. A process that stood still first handles waiting requests.
  void expire(Instant now);
  /// The process has just started to check for expired sessions.
  void begin_to_look(Instant now);
  /// The nodes whose deadline has passed, sorted by name.
  [[nodiscard]] std::vector<std::string> due(Instant now) const;
  /// Removes a dry node that is no longer configured.
  void drop(const std::string& key);
  void shut_by_deadline(const std::string& key, std::uint64_t version);
  /// Displaces the sessions of a node.
  void displace(const std::string& key);
  /// Displaces sessions that began through an exchange from before the node's door was shut.
  void displace_late_sessions(std::uint64_t acknowledged);

  // -- Users. Returned texts say what is wrong; empty: nothing.
  /// `found`: what the ledger reported, for cases that the rules leave open.
  SessionBinding find_session(const Plan& plan, const std::string& pool,
                              const std::optional<Cookie>& cookie, Found found, Instant now,
                              WallTime wall);
  /// Whether the rules leave open if this cookie finds a session.
  [[nodiscard]] bool leaves_open(const Plan& plan, const Cookie& cookie, Instant now) const;
  /// Selects one of the claims of a request's cookies: a session that goes on before a displaced
  /// one, before one that is over; then the newest. `prefer`: among equal ones. Releases all
  /// others.
  SessionBinding settle_claims(std::vector<SessionBinding> claims, Key prefer, Instant now);
  /// The worker has another topology now, which may not contain the node.
  void follow(const Plan& plan, SessionBinding& binding, Instant now);
  /// The request goes to `to`; nothing: 503.
  std::string route(const Plan& plan, SessionBinding& binding, const Tried& tried, const Target& to,
                    Instant now);
  /// A rescued user has reached the node `reached`, and must be on `to`.
  std::string rescue(const Plan& plan, SessionBinding& binding, const std::string& reached,
                     const std::string& to);
  void begin(SessionBinding& binding, const std::string& node, Key key, Instant now);
  /// The node's response sets the application's cookie. `had_cookie`: the request had one.
  void note_application_cookie(const SessionBinding& binding, const CookieId& cookie,
                               bool had_cookie);
  void log_out(SessionBinding& binding);
  void release(SessionBinding& binding, Instant now);
  [[nodiscard]] Cookie cookie_of(const SessionBinding& binding, const std::string& node,
                                 Instant now, WallTime wall) const;

  // -- Users in pools that learn the application's own cookie.
  /// Whether the rules leave open if this value still finds its session: it was not used for long,
  /// or the value that replaced it is established.
  [[nodiscard]] bool leaves_open(const std::string& value, Instant now) const;
  SessionBinding arrive_by(const Plan& plan, const std::string& pool, const std::string& value,
                           Found found, Instant now);
  /// A new user's session gets this value and the key `fresh`, unless another request has begun it.
  void begin_by(const Plan& plan, SessionBinding& binding, const std::string& value,
                const std::optional<CookieId>& cookie, const std::string& node, Key fresh,
                Found found, Instant now);
  /// The node sets a value for a user who has a session. `fresh`: the key of the new session if
  /// another request has just logged the user out.
  void record_value(SessionBinding& binding, const std::string& value, const CookieId& cookie,
                    const std::string& node, Key fresh, Instant now);

  // -- The process.
  /// The process, last seen at `seen`, has ended in any way, and the next one has started.
  void restart(Instant seen);
  void lose_ledger(Instant now);
  /// Parts of the ledger may be lost; `survivors`: the sessions that are left. Returns what is
  /// wrong.
  std::string damage_ledger(const std::map<Key, Survivor>& survivors, Instant now);
  /// Whether cookies without a known session may be accepted as valid.
  [[nodiscard]] bool in_doubt(Instant now) const;

  // -- The current state.
  [[nodiscard]] PlanPtr plan(std::uint64_t version) const;
  /// Whether cookies that the ledger does not know may still be valid.
  [[nodiscard]] bool incomplete(const std::string& node, Instant now) const;
  /// Whether all sessions that the ledger lost are over: a later reload with longer time-outs does
  /// not bring them back.
  [[nodiscard]] bool lost_are_over(const std::string& node) const;
  [[nodiscard]] std::string figures(const std::string& node) const;
  /// A user on the node, recorded or not; empty: none.
  [[nodiscard]] std::string somebody_on(const std::string& node) const;
  [[nodiscard]] bool present(const std::string& node) const;

  std::map<std::string, Node> nodes;
  std::map<Key, Session> sessions;
  std::map<std::string, conf::Pool> pools;  ///< in the config
  Instant lost_at;
  Instant damaged_at;
  std::set<std::string> opening;  ///< nodes that the worker does not let new users onto yet
  /// Bleeding nodes that take new users until the nodes in `opening` do; otherwise new users would
  /// find no node.
  std::set<std::string> shut_deferred;
  std::set<std::string> looked_at;  ///< nodes that are shut between the two checks for dryness

 private:
  std::map<std::string, Value> values_;
  std::map<Key, Session> logged_out_;     // that requests may still hold
  std::set<std::string> complete_again_;  // pools, since the last loss
  std::uint64_t lives_ = 0;
  Instant looked_;  // the last time that sessions were checked
  Instant ended_;   // the last check that also ended sessions
  Instant hears_until_;

  void forget(const std::string& value);
  [[nodiscard]] bool must_come_back(const Plan& plan, const Cookie& cookie, Instant now) const;
  Session* find(Key key, Instant now);
  void put(Key key, const std::string& node, SessionState state, Instant created, Instant now);
  /// The time used to judge whether a session is over. After a standstill it is the last check that
  /// ended sessions, since waiting requests came before the next one.
  [[nodiscard]] Instant expiry_now(Instant now) const;
  [[nodiscard]] bool over(const Session& session, Instant now) const;
  [[nodiscard]] unsigned others(const std::string& node) const;
  [[nodiscard]] bool check_guard(const std::string& node) const;
  [[nodiscard]] bool may_be_chosen(const Plan& plan, const std::string& node,
                                   const Tried& tried) const;
  [[nodiscard]] std::string goes_anywhere(const Plan& plan, const std::string& pool,
                                          const Tried& tried, const Target& to) const;
  std::string route_session(const Plan& plan, SessionBinding& binding, const Tried& tried,
                            const Target& to);
  std::string route_ended(const Plan& plan, SessionBinding& binding, const Tried& tried,
                          const Target& to, Instant now);
  std::string move(const Plan& plan, SessionBinding& binding, const std::string& to);
};

[[nodiscard]] std::string pool_of(const std::string& node);

}  // namespace bonedry::admin::plain
