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
  /// Of the application's cookie that the pool watches: each field that names it and means
  /// something. More than these nobody sets in one answer; a clearing beyond them is not seen,
  /// which errs on the side of who is still there, and a value beyond them takes the place of one.
  static constexpr std::size_t kMostNews = 8;
  std::array<CookieNews, kMostNews> news{};
  std::size_t news_count = 0;
  /// Whether the request had brought the watched cookie; only asked where the answer gives it.
  enum class Brought : std::uint8_t { no, yes } brought = Brought::yes;

  [[nodiscard]] std::span<const CookieNews> cookies() const { return {news.data(), news_count}; }
  [[nodiscard]] bool gives() const {
    return std::ranges::any_of(
        cookies(), [](const CookieNews& one) { return one.change == CookieChange::given; });
  }
};

/// One request's relation to a session, from its head to its end. While `held` is set the session
/// cannot end by time; whoever owns the visit gives it back by `Affinity::leave`.
struct Visit {
  balancer::Claim claim = balancer::Claim::none;
  std::size_t node = 0;  ///< index in the pool of the claimed node; not for Claim::none
  SessionKey key;
  Instant created;
  std::optional<SessionRef> held;
  /// The key of a value that the ledger does not know, and that may become that of a session.
  std::optional<SessionKey> brought;
  NodeSlot slot = 0;  ///< the node that `held` is on
  CookieStanding cookie = CookieStanding::needed;
  Presence user = Presence::here;  ///< left: this exchange has ended the session
  /// Of the session's values: its own, or one that only leads to it and is not held with it.
  enum class FoundBy : std::uint8_t { its_own, another } found_by = FoundBy::its_own;
};

/// How many values of one request may still cost cryptography, about a microsecond each. Whoever
/// invents values can have that for every request, so there is a bound. It is above the cookies
/// that browsers keep of one site (Chromium and Firefox: 180), so that none that somebody planted
/// in one hides the user's own. A value that the ledger remembers costs none of it.
class ProofBudget {
 public:
  static constexpr std::size_t kProofs = 256;

  /// False: there is none left.
  [[nodiscard]] bool spend() { return left_ > 0 && left_-- > 0; }

 private:
  std::size_t left_ = kProofs;
};

/// What the cookies of one request have told so far.
struct Arrival {
  Visit visit;
  std::optional<std::string_view> first;  ///< of the values
  ProofBudget budget;
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
  /// ended, and of either the newest counts. `value` must outlive `arrival`.
  void look_at(std::string_view value, Arrival& arrival, Instant now);
  /// All have been looked at.
  [[nodiscard]] Visit arrived(const Arrival& arrival);
  /// Both, for values that are at hand.
  [[nodiscard]] Visit arrive(std::span<const std::string_view> values, Instant now);

  /// The request goes to node `chosen` for the reason `verdict`: puts its session there. Returns
  /// the node to use, another one when a simultaneous request of the session was moved first.
  /// A visit without a session begins none here, see `answered`.
  [[nodiscard]] std::size_t settle(Visit& visit, balancer::Verdict verdict, std::size_t chosen,
                                   Instant now);

  /// Whether this request, answered with this status, is a logout by the pool's rules. `target` may
  /// have a query, which counts for nothing. A refused one leaves the user where they are.
  [[nodiscard]] bool logs_out(std::string_view method, std::string_view target, int status) const;
  /// The response field that says so by being there; empty: there is none.
  [[nodiscard]] const std::string& logout_header() const {
    return pool_.config.session.logout_header;
  }
  /// The application's cookie that note_set_cookie is about; empty: none.
  [[nodiscard]] std::string_view watched() const { return watched_; }
  /// Notes what one of the response's Set-Cookie fields says of the watched cookie.
  void note_set_cookie(std::string_view field, const CookieContext& context, Answer& answer) const;

  /// `node` has answered: a new user's session begins, pending; that of a user who leaves ends, and
  /// is in no count from here on. Returns what the response's Set-Cookie of ours is to say; empty:
  /// it has none.
  [[nodiscard]] std::string answered(Visit& visit, std::size_t node, const Answer& answer);

  /// The exchange is over.
  void leave(Visit& visit, Instant now);

  [[nodiscard]] bool sticky() const { return pool_.config.session.sticky != conf::Sticky::none; }
  [[nodiscard]] const std::string& cookie_name() const { return pool_.config.session.cookie; }

  /// Whose cookie that is, and so whether a node gets to see it.
  enum class Owner : std::uint8_t { proxy, application };
  [[nodiscard]] virtual Owner owner() const = 0;

 protected:
  enum class Found : std::uint8_t { yes, no };

  /// `watched`: the application's cookie that note_set_cookie is about; outlives this, as do all.
  Affinity(const balancer::PoolView& pool, Ledger& ledger, const Clock& clock,
           std::string_view watched);

  /// A session that the ledger has found becomes that of the visit; no, if its node is no longer
  /// in the pool.
  Found take(const OpenedSession& session, Visit& visit, Instant now);
  /// A new user's first response comes from `node`: a pending session begins, unless the user has
  /// one by now.
  DoneBy begin(Visit& visit, const SessionKey& key, std::size_t node);
  /// A session that `Ledger::begin` has begun, or found, becomes that of the visit. Who was found
  /// on no node of the pool comes to `node`.
  void take_begun(const OpenedSession& session, Visit& visit, std::size_t node);

  const balancer::PoolView& pool_;
  Ledger& ledger_;
  const Clock& clock_;

 private:
  /// Finds whose value this is. One that wants cryptography when the budget is spent is nobody's.
  virtual Found look_up(std::string_view value, Visit& visit, ProofBudget& budget, Instant now) = 0;
  /// None of the values that a request brought is of this pool; this is the first.
  virtual void note_stranger(std::string_view /*value*/) {}
  /// `answered`, for a user who stays and for one who has left.
  virtual std::string welcome(Visit& visit, std::size_t node, const Answer& answer) = 0;
  virtual std::string farewell() = 0;

  std::string end(Visit& visit);
  /// Whether the user's browser forgets the cookie that their session goes by. A response that also
  /// gives a value clears none: no user is to be counted out too early.
  [[nodiscard]] bool clears_cookie(const Visit& visit, const Answer& answer) const;
  [[nodiscard]] std::optional<std::size_t> index_of(NodeSlot slot) const;
  /// Whether nobody may enter that node, as far as this topology knows.
  [[nodiscard]] bool is_shut(NodeSlot slot) const;
  void count(const Visit& visit, balancer::Verdict verdict) const;

  std::string_view watched_;
  std::unordered_map<NodeSlot, std::size_t> slots_;
};

/// As the pool's `sticky` has it.
[[nodiscard]] std::unique_ptr<Affinity> make_affinity(const balancer::PoolView& pool,
                                                      std::span<const std::string> secrets,
                                                      Ledger& ledger, const Clock& clock);

}  // namespace bonedry::session
