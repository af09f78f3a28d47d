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

/// The 128 random bits that identify a session. Not secret by themselves: a cookie is authenticated
/// by its seal, or by being the very one that the ledger remembers.
struct SessionKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// `pending`: its cookie was issued but has not come back. `live`: it came back at least once.
enum class SessionState : std::uint8_t { pending, live };

[[nodiscard]] const char* to_string(SessionState state);

/// A node in the ledger: an index that `Ledger::slot_of` has returned.
using NodeSlot = std::uint32_t;

/// Fingerprint of the cookie last issued for a session, see sealed_cookie.h.
using CookieFingerprint = std::uint64_t;

/// A session record held by an open exchange, so that it can neither expire nor be evicted. Every
/// reference that a Ledger hands out must be given back by `Ledger::close` exactly once.
struct SessionRef {
  std::uint32_t shard = 0;
  std::uint32_t index = 0;

  friend bool operator==(const SessionRef&, const SessionRef&) = default;
};

/// A node that has a slot in the ledger, whether or not it is in the config.
struct LedgerNode {
  std::string key;
  NodeSlot slot = 0;
  std::string address;  ///< empty: it was never set
};

/// When a process last had a ledger open.
struct LastUse {
  WallTime wall;
  std::optional<Instant> at;  ///< by this boot's clock; nothing: before this boot
};

/// How long the sessions of a node may last.
struct SessionTimes {
  Millis idle{0};
  Millis pending{0};
  Millis lifetime{0};

  friend bool operator==(const SessionTimes&, const SessionTimes&) = default;
};

/// How long a session can still be alive after its record was lost, at most.
[[nodiscard]] Millis longest_session(const conf::Session& config);

/// Whether this call made the change, or another exchange of the session had already made it.
enum class DoneBy : std::uint8_t { this_call, another };

/// A session that was found and is held for an exchange.
struct OpenedSession {
  SessionRef ref;
  NodeSlot node = 0;
  /// The operator has taken the session off its node (deadline, forced maintenance): no node counts
  /// it, and it must be put on a node by `move`.
  bool displaced = false;
  Instant created;
  DoneBy begun = DoneBy::another;  ///< set by `begin` only: who began it
  enum class Found : std::uint8_t {
    as_expected,
    first_since_renewal,  ///< by a renewed value that came back for the first time
    by_other_value,       ///< by a value that was renewed since, or by an alias
  } found = Found::as_expected;
};

/// Where a session is after `move`.
struct MovedSession {
  NodeSlot node = 0;
  DoneBy moved = DoneBy::another;
};

/// The end of a session that cannot end by time, because an exchange holds it.
constexpr Instant kNeverEnds{std::numeric_limits<std::int64_t>::max()};

/// One line of the output of `sessions NODE`.
struct SessionInfo {
  SessionKey key;
  SessionState state = SessionState::pending;
  Instant created;
  Instant last;  ///< when an exchange last began or ended
  std::uint32_t exchanges = 0;
  std::uint32_t exchanges_open = 0;
  std::uint32_t tunnels_open = 0;  ///< those of them that are tunnels (WebSockets)
  Instant ends = kNeverEnds;       ///< if it is not used again
};

/// The table of all sessions: who is on which node. Nodes are called dry by its counts.
///
/// A session ends by its idle time-out, its lifetime, by `end`, or because the table is full; while
/// an exchange holds it, it cannot end by time. Counts per node are updated as sessions begin and
/// end. Thread-safe. `now` may be behind another thread's by an event loop iteration; since a
/// session's time stamp never goes back, this ends no session early.
class Ledger {
 public:
  virtual ~Ledger() = default;

  /// The slot of the node with this key ("shop/alice"), created at first use and kept until it is
  /// released. An error, which changes nothing, when the disk has no space for another slot or when
  /// all slots are taken.
  virtual Result<NodeSlot> claim_slot(std::string_view node_key) = 0;
  /// This process no longer routes to the node. Once no session is counted on the slot and no
  /// exchange is open on it, another node may get it; until then, the same node gets it back.
  virtual void release_slot(NodeSlot slot) = 0;
  /// `claim_slot` for callers that cannot do without a slot. Throws std::length_error.
  NodeSlot slot_of(std::string_view node_key);
  /// The node of this slot has the key `node_key` from now on, in place of its old one, and keeps
  /// its sessions. Another slot of that key loses it, so it must be unused. Not while the ledger is
  /// shared: another process knows the node by its old key.
  virtual void rename_slot(NodeSlot slot, std::string_view node_key) = 0;
  /// Whether another process has it open.
  [[nodiscard]] virtual bool is_shared() const = 0;
  virtual void set_times(NodeSlot slot, SessionTimes times) = 0;
  /// Stores a node's address, in case the config drops the node while users are on it. An address
  /// of more than 63 characters is not stored.
  virtual void set_address(NodeSlot slot, std::string_view address) = 0;
  [[nodiscard]] virtual std::vector<LedgerNode> nodes() const = 0;
  /// The reference is valid as long as the ledger lives.
  [[nodiscard]] virtual const balancer::SessionCounts& counts(NodeSlot slot) const = 0;
  /// `traffic`: what this process has open on the node; `traffic_of_other_process`: what another
  /// process that shares the ledger has. The references are valid as long as the ledger lives.
  [[nodiscard]] virtual balancer::NodeTraffic& traffic(NodeSlot slot) = 0;
  [[nodiscard]] virtual const balancer::NodeTraffic& traffic_of_other_process(
      NodeSlot slot) const = 0;

  enum class Miss : std::uint8_t {
    unknown,   ///< no such session, or it has ended
    mismatch,  ///< it exists, but this is not the cookie last issued for it
  };
  struct Lookup {
    std::optional<OpenedSession> opened;
    Miss miss = Miss::unknown;
  };
  /// Finds the session whose cookie came back with this fingerprint, makes it live and holds it.
  virtual Lookup open(const SessionKey& key, CookieFingerprint fingerprint, Instant now) = 0;
  /// The same for a cookie whose seal was verified, or a value that is the key itself: fingerprints
  /// are not compared. Also finds the session that has `key` as another value, see `renew` and
  /// `alias`.
  virtual std::optional<OpenedSession> open_verified(const SessionKey& key, Instant now) = 0;

  /// Begins a session and holds it. If another exchange has begun one of the same key meanwhile,
  /// opens that one instead: check `begun` and `node` of the result.
  virtual OpenedSession begin(const SessionKey& key, CookieFingerprint fingerprint, NodeSlot node,
                              SessionState state, Instant created, Instant now) = 0;

  /// Puts a held session on `to`. If another exchange has moved it off `from`, where this exchange
  /// saw it, it stays where that one put it. A session that has ended is on no node, and its
  /// exchange may go to `to`.
  virtual MovedSession move(SessionRef ref, NodeSlot from, NodeSlot to) = 0;
  /// Records the fingerprint of a new cookie that is being issued for a held session.
  virtual void set_cookie_fingerprint(SessionRef ref, CookieFingerprint fingerprint) = 0;
  /// Ends a held session: it leaves its node's counts now and can no longer be found; its record is
  /// freed when the last exchange that holds it closes. Calling it again changes nothing.
  virtual void end(SessionRef ref) = 0;

  /// The user of a held session was given another value (sticky mode learn): the session goes on
  /// under `key`, live, on `node`, with the same age and counted once, and stays held. The previous
  /// value still finds it, since requests with it may be in flight: until the new one has come back
  /// (`confirm_renewal`), then for a grace period. If there is a session of `key` already, does
  /// nothing. Returns where the session of `key` is.
  virtual MovedSession renew(SessionRef session, const SessionKey& key, NodeSlot node,
                             Instant now) = 0;
  /// Makes `key` an alias, which also finds this held session, for as long as it is used.
  virtual void alias(SessionRef session, const SessionKey& key, Instant now) = 0;
  /// The renewed value has come back: the previous one ends after `grace`, unless it is used again.
  virtual void confirm_renewal(SessionRef session, Millis grace, Instant now) = 0;

  /// The tag with which a held session's application cookie was last set; see CookieTag.
  [[nodiscard]] virtual std::uint16_t cookie_tag(SessionRef ref) const = 0;
  /// `tag`: of 12 bits.
  virtual void tag_cookie(SessionRef ref, std::uint16_t tag) = 0;
  /// The exchange that held the session is over. A session past its lifetime then ends.
  virtual void close(SessionRef ref, Instant now) = 0;

  /// Takes all sessions off a node at once, in constant time: they leave its counts, and each is
  /// `displaced` when its next request comes. Returns how many there were.
  virtual std::uint64_t displace(NodeSlot slot) = 0;

  /// Ends expired sessions. Does a bounded piece of work; returns true when more is due now.
  virtual bool sweep(Instant now) = 0;

  /// The time to compare expiry with: `now`, or, while the process catches up after a stall, the
  /// moment when it stalled, since a request of the session may be waiting in a socket.
  [[nodiscard]] virtual Instant expiry_now(Instant now) const = 0;

  /// A tunnel of a held session opens or closes; for `SessionInfo::tunnels_open`.
  virtual void open_tunnel(SessionRef ref) = 0;
  virtual void close_tunnel(SessionRef ref) = 0;

  /// How many parts the table has for `for_each`. Constant.
  [[nodiscard]] virtual std::size_t parts() const = 0;
  /// Passes every session of a part that is counted on a node to `callback`, which must be quick:
  /// the part's lock is held.
  virtual void for_each(
      std::size_t part,
      const std::function<void(NodeSlot, const SessionInfo&)>& callback) const = 0;

  /// How long live sessions of this node had lasted that ended by time or by logout, since the node
  /// got its slot. Sessions that were moved, displaced or evicted are left out: their users had not
  /// left.
  [[nodiscard]] virtual StayHistogram stays(NodeSlot slot) const = 0;

  /// When a session of this node was last evicted to make room; nothing: never. Until the node's
  /// session time-outs have passed since then, its user may come back with a cookie that is genuine
  /// but unknown.
  [[nodiscard]] virtual std::optional<Instant> last_eviction(NodeSlot slot) const = 0;

  struct Totals {
    std::uint64_t sessions = 0;
    std::uint64_t capacity = 0;
    std::uint64_t evicted = 0;  ///< ended for lack of room, since the start
    std::uint64_t refused = 0;  ///< how often the disk had no space for more, since the start
  };
  [[nodiscard]] virtual Totals totals() const = 0;
};

}  // namespace bonedry::session
