#pragma once

#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/clock.h"
#include "session/application_cookie.h"
#include "session/ledger.h"
#include "session/remote_sessions.h"

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

/// Whether the response must set our session cookie, because the request's is missing or outdated.
enum class CookieUpdate : std::uint8_t {
  current,  ///< nothing to do
  needed,   ///< the response must set one
};

/// Whether the user is still there.
enum class UserStatus : std::uint8_t {
  present,
  logged_out,
};

/// What a node's response says about its user.
struct ResponseCookies {
  UserStatus user = UserStatus::present;
  /// The Set-Cookie fields that change the tracked cookie. No application sends more in one
  /// response. Beyond the limit, a set value replaces an older entry, and a clearing is ignored
  /// unless it has the tag of one: this errs towards users who are still there.
  static constexpr std::size_t kMaxEffects = 8;
  std::array<SetCookieEffect, kMaxEffects> effects{};
  std::size_t effect_count = 0;
  /// Whether the request had the tracked cookie. Only used when the response sets that cookie.
  enum class HadCookie : std::uint8_t { no, yes } had_cookie = HadCookie::yes;
  /// Whether the response goes to the client by TLS.
  enum class Channel : std::uint8_t { plain, tls } channel = Channel::plain;

  [[nodiscard]] std::span<const SetCookieEffect> cookies() const {
    return {effects.data(), effect_count};
  }
  [[nodiscard]] bool sets_cookie() const {
    return std::ranges::any_of(
        cookies(), [](const SetCookieEffect& one) { return one.change == CookieChange::set; });
  }
};

/// One request's relation to a session, from the request's head to the end of the exchange. While
/// `held` is set the session cannot end by time; the owner of the binding gives it back by
/// `Affinity::release`.
struct SessionBinding {
  balancer::Claim claim = balancer::Claim::none;
  std::size_t node = 0;  ///< index in the pool of the claimed node; unused for Claim::none
  SessionKey key;
  Instant created;
  std::optional<SessionRef> held;
  /// Key of a value that the ledger does not know, and that may become the key of a session.
  std::optional<SessionKey> candidate_key;
  NodeSlot slot = 0;  ///< the node of the session `held`
  CookieUpdate cookie = CookieUpdate::needed;
  UserStatus user = UserStatus::present;  ///< left: this exchange has ended the session
  /// Which value of the session the request had: its current one, or an alias, which finds the
  /// session but is not held with it.
  enum class MatchedBy : std::uint8_t {
    current_value,
    alias
  } matched_by = MatchedBy::current_value;
};

/// Limits how many cookie values of one request may cost cryptography, about a microsecond each: a
/// client can send invented values with every request. The limit is above the number of cookies
/// that browsers keep per site (Chromium and Firefox: 180), so that cookies planted in a browser
/// cannot hide the user's own. In sticky mode `insert`, a value that the ledger remembers uses none
/// of it.
class CryptoBudget {
 public:
  static constexpr std::size_t kMaxVerifications = 256;

  /// False when the budget is used up.
  [[nodiscard]] bool take() { return left_ > 0 && left_-- > 0; }

 private:
  std::size_t left_ = kMaxVerifications;
};

/// What the cookies of one request have yielded so far.
struct CookieLookup {
  SessionBinding binding;
  std::optional<std::string_view> first;  ///< the first value looked up
  CryptoBudget budget;
  /// While it is open, it gets the questions about sessions that the other members of the cluster
  /// may know better. Then nothing is taken back into the ledger: the binding is what the ledger
  /// says, and those cookies count as Claim::ended. Closed, it has the answers. Null: there are no
  /// other members.
  SessionInquiry* inquiry = nullptr;
};

/// Maps cookies to sessions and back, for one pool of one topology: finds the session of a request,
/// and updates the ledger with the node it goes to and with what the node's response says. The
/// derived classes, one per sticky mode, define how users are identified. Owned by one worker;
/// rebuilt with each topology; refers to `pool`, which must outlive it.
class Affinity {
 public:
  virtual ~Affinity() = default;
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  /// Looks up the value of one of the request's session cookies. Call it for each of them; only the
  /// size of the request's head limits their number. Browsers send cookies of longer paths first,
  /// and any sister domain can add one, so their order means nothing: a live session is preferred
  /// to one that has ended, and among equals the newest. `value` must outlive `lookup`.
  void look_up_cookie(std::string_view value, CookieLookup& lookup, Instant now);
  /// Call it after the last `look_up_cookie`.
  [[nodiscard]] SessionBinding finish_lookup(const CookieLookup& lookup);
  /// `look_up_cookie` for each of `values`, then `finish_lookup`.
  [[nodiscard]] SessionBinding find_session(std::span<const std::string_view> values, Instant now);

  /// The request goes to node `chosen` because of `decision`: puts its session there. Returns the
  /// node to use, which is another one when a simultaneous request of the session was moved first.
  /// For Claim::none no session begins here, see `on_response`.
  [[nodiscard]] std::size_t bind(SessionBinding& binding, balancer::RouteDecision decision,
                                 std::size_t chosen, Instant now);

  /// Whether this request, with a response of this status, is a logout by the pool's rules. Any
  /// query in `target` is ignored. With a status outside 200 to 399 the user stays logged in.
  [[nodiscard]] bool is_logout(std::string_view method, std::string_view target, int status) const;
  /// The response field whose presence means a logout; empty: there is none.
  [[nodiscard]] const std::string& logout_header() const {
    return pool_.config.session.logout_header;
  }
  /// Name of the application's cookie that note_set_cookie reads; empty: none.
  [[nodiscard]] std::string_view tracked_cookie() const { return tracked_cookie_; }
  /// Records what one of the response's Set-Cookie fields does to the tracked cookie.
  void note_set_cookie(std::string_view field, const CookieContext& context,
                       ResponseCookies& response) const;

  /// `node` has responded: a new user's session begins, as pending; the session of a user who logs
  /// out ends, and leaves all counts now. Returns the value of our Set-Cookie field for the
  /// response; empty: none.
  [[nodiscard]] std::string on_response(SessionBinding& binding, std::size_t node,
                                        const ResponseCookies& response);

  /// The exchange is over: gives back the session that it holds.
  void release(SessionBinding& binding, Instant now);

  [[nodiscard]] bool sticky() const { return pool_.config.session.sticky != conf::Sticky::none; }
  [[nodiscard]] const std::string& cookie_name() const { return pool_.config.session.cookie; }

  /// Who owns the session cookie, which decides whether a node gets to see it.
  enum class Owner : std::uint8_t { proxy, application };
  [[nodiscard]] virtual Owner owner() const = 0;

 protected:
  enum class Found : std::uint8_t { yes, no };

  /// `tracked_cookie`: name of the application's cookie that note_set_cookie reads. All arguments
  /// must outlive this object.
  Affinity(const balancer::PoolView& pool, Ledger& ledger, const Clock& clock,
           std::string_view tracked_cookie);

  /// Puts a session that the ledger has found into the binding; `no` if its node is no longer in
  /// the pool.
  Found take(const OpenedSession& session, SessionBinding& binding, Instant now);
  /// A new user's first response comes from `node`: begins a pending session, unless the user has
  /// one by now.
  DoneBy begin(SessionBinding& binding, const SessionKey& key, std::size_t node);
  /// Puts a session that `Ledger::begin` has begun or found into the binding. One that is
  /// displaced, or on no node of the pool, is moved to `node`.
  void take_new(const OpenedSession& session, SessionBinding& binding, std::size_t node);

  const balancer::PoolView& pool_;
  Ledger& ledger_;
  const Clock& clock_;

 private:
  /// Finds the session of this value, and puts it into `binding`, which is not that of `lookup`.
  /// `no` for a value that needs cryptography when the budget of `lookup` is spent.
  virtual Found look_up(std::string_view value, SessionBinding& binding, CookieLookup& lookup,
                        Instant now) = 0;
  /// Called with the first value of a request, when none of its values belongs to this pool.
  virtual void note_unknown_cookie(std::string_view /*value*/) {}
  /// What `on_response` returns: for a user who stays, and for one who has left.
  virtual std::string response_cookie(SessionBinding& binding, std::size_t node,
                                      const ResponseCookies& response) = 0;
  virtual std::string logout_cookie() = 0;

  std::string end(SessionBinding& binding);
  /// Whether the response makes the browser drop the cookie that the user's session depends on.
  /// False if it also sets a value: no user may be counted as gone too early.
  [[nodiscard]] bool clears_cookie(const SessionBinding& binding,
                                   const ResponseCookies& response) const;
  [[nodiscard]] std::optional<std::size_t> index_of(NodeSlot slot) const;
  /// Whether the door of that node is shut in this topology.
  [[nodiscard]] bool is_shut(NodeSlot slot) const;
  void count(const SessionBinding& binding, balancer::RouteDecision decision) const;

  std::string_view tracked_cookie_;
  std::unordered_map<NodeSlot, std::size_t> slots_;
};

/// Makes the Affinity for the pool's `sticky` mode.
[[nodiscard]] std::unique_ptr<Affinity> make_affinity(const balancer::PoolView& pool,
                                                      std::span<const std::string> secrets,
                                                      Ledger& ledger, const Clock& clock);

}  // namespace bonedry::session
