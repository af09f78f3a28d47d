#pragma once

#include "balancer/node.h"
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/stay_histogram.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// The 128 random bits that name a session. Not secret by themselves: a cookie proves itself by
/// its seal, or by being the very one that the ledger remembers.
struct SessionKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// `pending`: a cookie was issued but never came back. `live`: it came back at least once.
enum class SessionState : std::uint8_t { pending, live };

[[nodiscard]] const char* to_string(SessionState state);

/// A node as the ledger knows it: an index given by `Ledger::slot_of`.
using NodeSlot = std::uint32_t;

/// Fingerprint of the cookie last issued for a session, see sealed_cookie.h.
using CookieFingerprint = std::uint64_t;

/// A record that is held: by an open exchange, so that it can neither expire nor be evicted.
/// Every one that a Ledger hands out goes back by `Ledger::close` exactly once.
struct SessionRef {
  std::uint32_t shard = 0;
  std::uint32_t index = 0;

  friend bool operator==(const SessionRef&, const SessionRef&) = default;
};

/// A node that a ledger has a slot for, be it in the config or not.
struct LedgerNode {
  std::string key;
  NodeSlot slot = 0;
  std::string address;  ///< empty: it was never told
};

/// When a process last had a ledger open.
struct LastUse {
  WallTime wall;
  std::optional<Instant> at;  ///< of this boot's clock, if it was in this boot
};

/// What a session of a node may last.
struct SessionTimes {
  Millis idle{0};
  Millis pending{0};
  Millis lifetime{0};

  friend bool operator==(const SessionTimes&, const SessionTimes&) = default;
};

/// How long after a loss of records no session that was lost can still be alive.
[[nodiscard]] Millis longest_session(const conf::Session& config);

/// Whether a call did what it was asked for, or found that another exchange of the session had.
enum class DoneBy : std::uint8_t { this_call, another };

/// A session found, and held open for an exchange.
struct OpenedSession {
  SessionRef ref;
  NodeSlot node = 0;
  /// The operator has taken the session off its node (deadline, forced maintenance): it is counted
  /// nowhere and must be put on a node by `move`.
  bool displaced = false;
  Instant created;
  DoneBy begun = DoneBy::another;  ///< by `begin` only: who made it
  enum class Found : std::uint8_t {
    as_expected,
    first_since_renewal,  ///< with a value that replaced another one and had not come back yet
    by_other_value,       ///< with a value that was renewed since, or that stands beside its own
  } found = Found::as_expected;
};

/// Where a session is after `move`.
struct MovedSession {
  NodeSlot node = 0;
  DoneBy moved = DoneBy::another;
};

/// When a session ends that cannot end by time, because an exchange holds it.
constexpr Instant kNeverEnds{std::numeric_limits<std::int64_t>::max()};

/// One line of `sessions NODE`.
struct SessionInfo {
  SessionKey key;
  SessionState state = SessionState::pending;
  Instant created;
  Instant last;  ///< last exchange begun or ended
  std::uint32_t exchanges = 0;
  std::uint32_t exchanges_open = 0;
  std::uint32_t tunnels_open = 0;  ///< of those, the tunnels (WebSockets)
  Instant ends = kNeverEnds;       ///< if it is not touched again
};

/// The table of all sessions: who is on which node. The count that the promise rests on.
///
/// A session ends by its idle time-out, its lifetime, by `end`, or because the table is full; while
/// an exchange holds it, it cannot end by time. Counts per node are kept as sessions come and go.
/// Thread-safe. `now` may be behind another thread's by a loop iteration; expiry compensates by
/// never trusting a stamp that would end a session early.
class Ledger {
 public:
  virtual ~Ledger() = default;

  /// The slot of the node with this key ("shop/alice"), made at first sight and kept until it is
  /// released. An error, which changes nothing, when the disk has no room for another or when as
  /// many nodes as there may be have theirs.
  virtual Result<NodeSlot> claim_slot(std::string_view node_key) = 0;
  /// Nobody here routes to the node any more. Once no session is counted on the slot and no
  /// exchange is open on it, another node may get it; until then, the same node gets it back.
  virtual void release_slot(NodeSlot slot) = 0;
  /// `claim_slot` for who cannot do without. Throws std::length_error.
  NodeSlot slot_of(std::string_view node_key);
  virtual void set_times(NodeSlot slot, SessionTimes times) = 0;
  /// Notes where a node is, should the config forget it while users are on it. One of more than 63
  /// characters is not noted.
  virtual void set_address(NodeSlot slot, std::string_view address) = 0;
  [[nodiscard]] virtual std::vector<LedgerNode> nodes() const = 0;
  /// Lives as long as the ledger.
  [[nodiscard]] virtual const balancer::SessionCounts& counts(NodeSlot slot) const = 0;
  /// What this process has under way on the node, and what another one that shares the ledger has.
  /// They live as long as the ledger.
  [[nodiscard]] virtual balancer::NodeTraffic& traffic(NodeSlot slot) = 0;
  [[nodiscard]] virtual const balancer::NodeTraffic& traffic_of_other_process(
      NodeSlot slot) const = 0;

  enum class Miss : std::uint8_t {
    unknown,   ///< no such session, or it has ended
    mismatch,  ///< there is one, but this is not the cookie last issued for it
  };
  struct Lookup {
    std::optional<OpenedSession> opened;
    Miss miss = Miss::unknown;
  };
  /// Finds the session whose cookie came back with this check, makes it live and holds it.
  virtual Lookup open(const SessionKey& key, CookieFingerprint check, Instant now) = 0;
  /// The same for a cookie whose seal was verified, or a value that is the key itself: any check
  /// will do. Also finds the session that `key` was another value of, see `renew` and `alias`.
  virtual std::optional<OpenedSession> open_verified(const SessionKey& key, Instant now) = 0;

  /// Begins a session and holds it. When another exchange began one of the same key meanwhile,
  /// that one is opened instead: look at `begun` and `node`.
  virtual OpenedSession begin(const SessionKey& key, CookieFingerprint check, NodeSlot node,
                              SessionState state, Instant created, Instant now) = 0;

  /// Puts a held session on `to`, unless it is no longer on `from`, where this exchange saw it,
  /// because another exchange moved it: then it stays where that one put it. One that has ended is
  /// nowhere, and its exchange may go to `to`.
  virtual MovedSession move(SessionRef ref, NodeSlot from, NodeSlot to) = 0;
  /// Notes that a new cookie is being issued for a held session.
  virtual void set_cookie_check(SessionRef ref, CookieFingerprint check) = 0;
  /// A held session ends: it leaves its node's counts now and can be found no more; its record goes
  /// when the last exchange that holds it closes. Calling it again changes nothing.
  virtual void end(SessionRef ref) = 0;

  /// The user of a held session was given another value (sticky mode learn): the session goes on
  /// under `key`, live, on `node`, as old as it was and counted once, and the holders keep it. The
  /// value of before goes on to find it, since requests with it may be on their way: until the new
  /// one came back (`confirm_renewal`), then for a grace. Where a session of `key` is there
  /// already, nothing is done. Returns where the session of `key` is.
  virtual MovedSession renew(SessionRef session, const SessionKey& key, NodeSlot node,
                             Instant now) = 0;
  /// `key`, too, is to find this held session from now on, for as long as it is used.
  virtual void alias(SessionRef session, const SessionKey& key, Instant now) = 0;
  /// The renewed value has come back: that of before ends after `grace`, unless used once more.
  virtual void confirm_renewal(SessionRef session, Millis grace, Instant now) = 0;

  /// What a held session's application cookie was last set as; see CookieTag.
  [[nodiscard]] virtual std::uint16_t cookie_tag(SessionRef ref) const = 0;
  /// `tag`: of 12 bits.
  virtual void tag_cookie(SessionRef ref, std::uint16_t tag) = 0;
  /// The exchange that held it is over. A session that is past its lifetime then ends.
  virtual void close(SessionRef ref, Instant now) = 0;

  /// Takes all sessions off a node at once, in constant time: they leave its counts, and each is
  /// `displaced` when it next comes. Returns how many those were.
  virtual std::uint64_t displace(NodeSlot slot) = 0;

  /// Ends what has run out. Does a bounded piece of work; returns true when more is due now.
  virtual bool sweep(Instant now) = 0;

  /// By when something must have run out to be over at `now`. While the process catches up after a
  /// standstill, that is when it stood still: a request that waits in a socket came in time.
  [[nodiscard]] virtual Instant expiry_now(Instant now) const = 0;

  /// A tunnel of a held session opens or ends; for `SessionInfo::tunnels_open`.
  virtual void open_tunnel(SessionRef ref) = 0;
  virtual void close_tunnel(SessionRef ref) = 0;

  /// How many parts `visit` divides the table into. Constant.
  [[nodiscard]] virtual std::size_t parts() const = 0;
  /// Shows every session of a part that is counted on a node, while its lock is held: be quick.
  virtual void for_each(
      std::size_t part,
      const std::function<void(NodeSlot, const SessionInfo&)>& callback) const = 0;

  /// How long the live sessions stayed that ended on this node by time or by logout, ever. Those
  /// that were moved, displaced or evicted had not left.
  [[nodiscard]] virtual StayHistogram stays(NodeSlot slot) const = 0;

  /// When a session of this node was last evicted to make room; nothing: never. Until its times
  /// have passed since then, its user may come back with a cookie that is good and unknown.
  [[nodiscard]] virtual std::optional<Instant> last_eviction(NodeSlot slot) const = 0;

  struct Totals {
    std::uint64_t sessions = 0;
    std::uint64_t capacity = 0;
    std::uint64_t evicted = 0;  ///< ended for want of room, since the start
    std::uint64_t refused = 0;  ///< how often that was because the disk had none, since the start
  };
  [[nodiscard]] virtual Totals totals() const = 0;
};

}  // namespace bonedry::session
