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

/// What a proxy owes its users and its operator (design, sections 3 and 4), and nothing about how
/// it is kept: no shards, no doors that are shut for a second look, no files. Too simple to be
/// wrong.
namespace bonedry::admin::plain {

using balancer::NodeState;
using session::SessionState;
using session::SessionTimes;

/// How long a process that stood still ends nobody, to hear what came meanwhile.
constexpr Millis kHearing{2'000};

using Key = std::uint64_t;  ///< names a session; users keep it when they begin anew

struct Node {
  NodeState state = NodeState::active;
  std::optional<Instant> deadline;
  bool displaced = false;  ///< the operator took its sessions off it (deadline, forced maintenance)
  bool dry = false;
  bool configured = true;  ///< no: kept until nobody is on it
  bool gone = false;       ///< no longer kept either; displaced sessions may still name it
  unsigned weight = 100;
  bool down = false;  ///< measured; of now, whatever a plan has
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
  bool recorded = true;    ///< no: the ledger was lost, and the user is on its node all the same
  std::uint64_t life = 0;  ///< of all sessions ever, this one; a key may have several in turn
  /// The application's cookie by which the user's browser knows of this session, if there is one,
  /// and it was seen being set.
  struct Known {
    std::optional<CookieId> cookie = {};
    bool several = false;  ///< or may be

    /// True: it is the only one still, as before.
    bool take(const CookieId& given) {
      const bool same = !several && (cookie ? *cookie == given : given.usual());
      several = !same;
      cookie = given;
      return same;
    }
  } known = {};
  bool doubted = false;                  ///< its values may be forgotten
  std::vector<std::string> values = {};  ///< of the application's cookie, the newest last
};

/// A value of an application's cookie that names a session.
struct Value {
  Key key = 0;
  std::optional<CookieId> cookie;  ///< nothing: it was not seen being set
  Instant used;                    ///< last: given, candidate_key, or the request with it over
  std::optional<Instant> confirm_renewal;  ///< first
};

/// What a genuine cookie says.
struct Cookie {
  Key key = 0;
  std::string node;
  WallTime issued;  ///< in whole seconds
};

/// What one topology says, for the worker that has it.
struct Plan {
  std::map<std::string, Node> nodes;  ///< only those of pools that are there
  std::map<std::string, conf::Session> pools;
  Instant lost_at;  ///< when records were last lost; 0: never
  std::uint64_t version = 0;

  [[nodiscard]] const Node* find(const std::string& node) const;
  /// Whether a cookie may still be good that the ledger does not know.
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
  std::string node;        ///< which the session or the cookie names
  bool displaced = false;  ///< the session, when it was looked at
  bool over = false;       ///< the session it holds was ended by a logout
  bool rescued = false;    ///< moves when the new node has been reached
  Instant created;
  std::string value = {};          ///< of the application's cookie, by which the session was found
  std::string candidate_key = {};  ///< of one, that may become a session's
};

using Tried = std::set<std::string>;        ///< nodes that could not be reached
using Target = std::optional<std::string>;  ///< nothing: 503

enum class Found : std::uint8_t { no, yes };
enum class Did : std::uint8_t { refused, nothing, changed };

/// A session that is still in a ledger that was damaged.
struct Survivor {
  std::string node;
  Instant last;
};

class Model {
 public:
  // -- What the operator wants. `version`: of the topology that says so.
  void configure(const conf::Config& config, std::uint64_t version);
  Did bleed(const std::string& key, std::optional<Instant> deadline, bool force,
            std::uint64_t version);
  Did maintain(const std::string& key, bool force, std::uint64_t version);
  Did activate(const std::string& key, std::uint64_t version);

  // -- What time does.
  /// The process looks whose time is up. One that stood still first hears what came meanwhile.
  void expire(Instant now);
  /// It has just begun to look.
  void begin_to_look(Instant now);
  /// The nodes whose deadline has passed, in the order of their names.
  [[nodiscard]] std::vector<std::string> due(Instant now) const;
  /// A removed node that is dry goes.
  void drop(const std::string& key);
  void shut_by_deadline(const std::string& key, std::uint64_t version);
  /// The sessions of a node are the operator's to move from here on.
  void displace(const std::string& key);
  /// Who came to such a node by an exchange from before its door was shut.
  void displace_late_sessions(std::uint64_t acknowledged);

  // -- What users do. An empty text: as it should be; else what is wrong.
  /// `found`: what the ledger said, for where the rules leave it open.
  SessionBinding find_session(const Plan& plan, const std::string& pool,
                              const std::optional<Cookie>& cookie, Found found, Instant now,
                              WallTime wall);
  /// Whether the rules leave open if this cookie finds a session.
  [[nodiscard]] bool leaves_open(const Plan& plan, const Cookie& cookie, Instant now) const;
  /// Of what the cookies of one request claim, the one that counts: a session that goes on, before
  /// one that was taken off its node, before one that is over; then the newest. `prefer`: of equal
  /// ones. All others are left.
  SessionBinding settle_claims(std::vector<SessionBinding> claims, Key prefer, Instant now);
  /// The worker's topology is another one by now: a node may be unknown to it.
  void follow(const Plan& plan, SessionBinding& binding, Instant now);
  /// The request goes to `to`; nothing: it is answered 503.
  std::string route(const Plan& plan, SessionBinding& binding, const Tried& tried, const Target& to,
                    Instant now);
  /// A rescued user has reached the node `reached`, and is to be on `to`.
  std::string rescue(const Plan& plan, SessionBinding& binding, const std::string& reached,
                     const std::string& to);
  void begin(SessionBinding& binding, const std::string& node, Key key, Instant now);
  /// The node's answer has given an application's cookie. `candidate_key`: the request had one.
  void note_application_cookie(const SessionBinding& binding, const CookieId& cookie,
                               bool candidate_key);
  void log_out(SessionBinding& binding);
  void release(SessionBinding& binding, Instant now);
  [[nodiscard]] Cookie cookie_of(const SessionBinding& binding, const std::string& node,
                                 Instant now, WallTime wall) const;

  // -- What users do where the application's own cookie is learned.
  /// Whether the rules leave open if this value still finds its session: it has not been used for
  /// long, or the one that took its place is established.
  [[nodiscard]] bool leaves_open(const std::string& value, Instant now) const;
  SessionBinding arrive_by(const Plan& plan, const std::string& pool, const std::string& value,
                           Found found, Instant now);
  /// A new user's session goes by this value; `fresh`, unless another request has begun it.
  void begin_by(const Plan& plan, SessionBinding& binding, const std::string& value,
                const std::optional<CookieId>& cookie, const std::string& node, Key fresh,
                Found found, Instant now);
  /// The node gives a user who has a session a value. `fresh`: of the session of one who has just
  /// been logged out by another request.
  void record_value(SessionBinding& binding, const std::string& value, const CookieId& cookie,
                    const std::string& node, Key fresh, Instant now);

  // -- What a process does.
  /// It is gone, however it went, and was last seen at `seen`; and the next one is there.
  void restart(Instant seen);
  void lose_ledger(Instant now);
  /// Parts of the ledger may be lost; `survivors`: what is known of the sessions that are not.
  /// Returns what is wrong.
  std::string damage_ledger(const std::map<Key, Survivor>& survivors, Instant now);
  /// Whether cookies may be taken for good that no session is known of.
  [[nodiscard]] bool in_doubt(Instant now) const;

  // -- What is so.
  [[nodiscard]] PlanPtr plan(std::uint64_t version) const;
  /// Whether cookies may still be good that the ledger does not know.
  [[nodiscard]] bool incomplete(const std::string& node, Instant now) const;
  /// Whether all sessions that the ledger lost are over: longer times by a later reload bring none
  /// of them back.
  [[nodiscard]] bool lost_are_over(const std::string& node) const;
  [[nodiscard]] std::string figures(const std::string& node) const;
  /// Who is on a node, recorded or not; empty: nobody.
  [[nodiscard]] std::string somebody_on(const std::string& node) const;
  [[nodiscard]] bool present(const std::string& node) const;

  std::map<std::string, Node> nodes;
  std::map<Key, Session> sessions;
  std::map<std::string, conf::Pool> pools;  ///< that are there
  Instant lost_at;
  Instant damaged_at;
  std::set<std::string> opening;  ///< nodes that the worker does not let new users onto yet
  /// Nodes that bleed and take new users until those of `opening` do, who else would find none.
  std::set<std::string> close_deferred;
  std::set<std::string> looked_at;  ///< nodes that are shut between the two looks at their dryness

 private:
  std::map<std::string, Value> values_;
  std::map<Key, Session> logged_out_;     // that requests may still hold
  std::set<std::string> complete_again_;  // pools, since the last loss
  std::uint64_t lives_ = 0;
  Instant looked_;  // last
  Instant ended_;   // the same, and ended whose time was up
  Instant hears_until_;

  void forget(const std::string& value);
  [[nodiscard]] bool must_come_back(const Plan& plan, const Cookie& cookie, Instant now) const;
  Session* find(Key key, Instant now);
  void put(Key key, const std::string& node, SessionState state, Instant created, Instant now);
  /// By when a session must have run out to be over: a request that waited while the process stood
  /// still came before anybody looked.
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
