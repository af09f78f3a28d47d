#pragma once

#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/application_cookie.h"
#include "session/ledger.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bonedry::session {

/// How the cookie that a request candidate_key compares with the one it should have.
enum class OwnCookie : std::uint8_t {
  current,  ///< nothing to do
  needed,   ///< the response must set one
};

/// Whether the user is still with us.
enum class Presence : std::uint8_t {
  here,
  left,  ///< by a logout
};

/// What a node's answer says about its user.
struct ResponseCookies {
  Presence user = Presence::here;
  /// Of the application's cookie that the pool watches: each field that names it and means
  /// something. More than these nobody sets in one answer; a clearing beyond them is not seen,
  /// which errs on the side of who is still there, and a value beyond them takes the place of one.
  static constexpr std::size_t kMaxEffects = 8;
  std::array<SetCookieEffect, kMaxEffects> effects{};
  std::size_t effect_count = 0;
  /// Whether the request had candidate_key the tracked_cookie cookie; only asked where the answer
  /// gives it.
  enum class HadCookie : std::uint8_t { no, yes } candidate_key = HadCookie::yes;

  [[nodiscard]] std::span<const SetCookieEffect> cookies() const {
    return {effects.data(), effect_count};
  }
  [[nodiscard]] bool sets_cookie() const {
    return std::ranges::any_of(
        cookies(), [](const SetCookieEffect& one) { return one.change == CookieChange::set; });
  }
};

/// One request's relation to a session, from its head to its end. While `held` is set the session
/// cannot end by time; whoever owns the binding gives it back by `Affinity::release`.
struct SessionBinding {
  balancer::Claim claim = balancer::Claim::none;
  std::size_t node = 0;  ///< index in the pool of the claimed node; not for Claim::none
  SessionKey key;
  Instant created;
  std::optional<SessionRef> held;
  /// The key of a value that the ledger does not know, and that may become that of a session.
  std::optional<SessionKey> candidate_key;
  NodeSlot slot = 0;  ///< the node that `held` is on
  OwnCookie cookie = OwnCookie::needed;
  Presence user = Presence::here;  ///< left: this exchange has ended the session
  /// Of the session's values: its own, or one that only leads to it and is not held with it.
  enum class MatchedBy : std::uint8_t {
    current_value,
    alias
  } matched_by = MatchedBy::current_value;
};

/// How many values of one request may still cost cryptography, about a microsecond each. Whoever
/// invents values can have that for every request, so there is a bound. It is above the cookies
/// that browsers keep of one site (Chromium and Firefox: 180), so that none that somebody planted
/// in one hides the user's own. A value that the ledger remembers costs none of it.
class CryptoBudget {
 public:
  static constexpr std::size_t kMaxVerifications = 256;

  /// False: there is none left.
  [[nodiscard]] bool take() { return left_ > 0 && left_-- > 0; }

 private:
  std::size_t left_ = kMaxVerifications;
};

/// What the cookies of one request have told so far.
struct CookieLookup {
  SessionBinding binding;
  std::optional<std::string_view> first;  ///< of the values
  CryptoBudget budget;
};

/// Cookies to sessions and back, for one pool as one topology has it: finds whose request it is,
/// keeps the ledger in step with where it goes and with what the node says to it. How users are
/// told from each other is for the classes below, one for each sticky mode. Owned by one worker;
/// rebuilt with each topology; refers to `pool`, which must outlive it.
class Affinity {
 public:
  virtual ~Affinity() = default;
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  /// Looks at what one of the request's cookies of that name holds, and so at each of them: as many
  /// as its head has room for. Browsers send those of longer paths first, and anybody on a sister
  /// domain can add one, so their order says nothing: a live session comes before one that has
  /// ended, and of either the newest counts. `value` must outlive `lookup`.
  void look_up_cookie(std::string_view value, CookieLookup& lookup, Instant now);
  /// All have been looked at.
  [[nodiscard]] SessionBinding finish_lookup(const CookieLookup& lookup);
  /// Both, for values that are at hand.
  [[nodiscard]] SessionBinding find_session(std::span<const std::string_view> values, Instant now);

  /// The request goes to node `chosen` for the reason `decision`: puts its session there. Returns
  /// the node to use, another one when a simultaneous request of the session was moved first.
  /// A binding without a session begins none here, see `answered`.
  [[nodiscard]] std::size_t bind(SessionBinding& binding, balancer::RouteDecision decision,
                                 std::size_t chosen, Instant now);

  /// Whether this request, answered with this status, is a logout by the pool's rules. `target` may
  /// have a query, which counts for nothing. A refused one leaves the user where they are.
  [[nodiscard]] bool is_logout(std::string_view method, std::string_view target, int status) const;
  /// The response field that says so by being there; empty: there is none.
  [[nodiscard]] const std::string& logout_header() const {
    return pool_.config.session.logout_header;
  }
  /// The application's cookie that note_set_cookie is about; empty: none.
  [[nodiscard]] std::string_view tracked_cookie() const { return tracked_cookie_; }
  /// Notes what one of the response's Set-Cookie fields says of the tracked_cookie cookie.
  void note_set_cookie(std::string_view field, const CookieContext& context,
                       ResponseCookies& answer) const;

  /// `node` has answered: a new user's session begins, pending; that of a user who leaves ends, and
  /// is in no count from here on. Returns what the response's Set-Cookie of ours is to say; empty:
  /// it has none.
  [[nodiscard]] std::string on_response(SessionBinding& binding, std::size_t node,
                                        const ResponseCookies& answer);

  /// The exchange is over.
  void release(SessionBinding& binding, Instant now);

  [[nodiscard]] bool sticky() const { return pool_.config.session.sticky != conf::Sticky::none; }
  [[nodiscard]] const std::string& cookie_name() const { return pool_.config.session.cookie; }

  /// Whose cookie that is, and so whether a node gets to see it.
  enum class Owner : std::uint8_t { proxy, application };
  [[nodiscard]] virtual Owner owner() const = 0;

 protected:
  enum class Found : std::uint8_t { yes, no };

  /// `tracked_cookie`: the application's cookie that note_set_cookie is about; outlives this, as do
  /// all.
  Affinity(const balancer::PoolView& pool, Ledger& ledger, const Clock& clock,
           std::string_view tracked_cookie);

  /// A session that the ledger has found becomes that of the binding; no, if its node is no longer
  /// in the pool.
  Found take(const OpenedSession& session, SessionBinding& binding, Instant now);
  /// A new user's first response comes from `node`: a pending session begins, unless the user has
  /// one by now.
  DoneBy begin(SessionBinding& binding, const SessionKey& key, std::size_t node);
  /// A session that `Ledger::begin` has begun, or found, becomes that of the binding. Who was found
  /// on no node of the pool comes to `node`.
  void take_new(const OpenedSession& session, SessionBinding& binding, std::size_t node);

  const balancer::PoolView& pool_;
  Ledger& ledger_;
  const Clock& clock_;

 private:
  /// Finds whose value this is. One that wants cryptography when the budget is spent is nobody's.
  virtual Found look_up(std::string_view value, SessionBinding& binding, CryptoBudget& budget,
                        Instant now) = 0;
  /// None of the values that a request candidate_key is of this pool; this is the first.
  virtual void note_unknown_cookie(std::string_view /*value*/) {}
  /// `answered`, for a user who stays and for one who has left.
  virtual std::string response_cookie(SessionBinding& binding, std::size_t node,
                                      const ResponseCookies& answer) = 0;
  virtual std::string logout_cookie() = 0;

  std::string end(SessionBinding& binding);
  /// Whether the user's browser forgets the cookie that their session goes by. A response that also
  /// gives a value clears none: no user is to be counted out too early.
  [[nodiscard]] bool clears_cookie(const SessionBinding& binding,
                                   const ResponseCookies& answer) const;
  [[nodiscard]] std::optional<std::size_t> index_of(NodeSlot slot) const;
  /// Whether nobody may enter that node, as far as this topology knows.
  [[nodiscard]] bool is_closed(NodeSlot slot) const;
  void count(const SessionBinding& binding, balancer::RouteDecision decision) const;

  std::string_view tracked_cookie_;
  std::unordered_map<NodeSlot, std::size_t> slots_;
};

/// As the pool's `sticky` has it.
[[nodiscard]] std::unique_ptr<Affinity> make_affinity(const balancer::PoolView& pool,
                                                      std::span<const std::string> secrets,
                                                      Ledger& ledger, const Clock& clock);

}  // namespace bonedry::session
