#pragma once

#include "proxy/base/clock.h"
#include "session/ledger.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bonedry::session {

/// What a session of this proxy did that the other members of its cluster must hear.
struct SessionChange {
  enum class Kind : std::uint8_t {
    present,  ///< it began, was used, became live or was moved: its state now
    left,     ///< its user logged out: it is over for all members
    expired,  ///< it ended here by time; another member may have seen its user later
    renewed,  ///< it goes on as `other`, and `key` still finds it
    aliased,  ///< `key` also finds the session `other`
  };

  Kind kind = Kind::present;
  SessionKey key;
  SessionKey other;  ///< of `renewed` and `aliased`
  NodeSlot node = 0;
  SessionState state = SessionState::pending;
  Instant created;
  Instant placed;  ///< when it was put on its node
  /// `present`: until when it counts unless more is heard of it, later than its real end by a
  /// slack; what it does before that is not told. `aliased`, `renewed`: the same for the value
  /// `key`. `left`, `expired`: when it ended.
  Instant ends;
};

/// A session as another member knows it.
struct RemoteSession {
  SessionKey key;
  CookieFingerprint fingerprint = 0;  ///< of the cookie that has come here; 0: not known
  NodeSlot node = 0;
  SessionState state = SessionState::pending;
  Instant created;
  Instant placed;
  Instant ends;
};

/// A session as this member knows it.
struct KnownSession {
  SessionKey key;  ///< that of its record: the session may have been found by another value
  NodeSlot node = 0;
  SessionState state = SessionState::pending;
  Instant created;
  Instant placed;          ///< equal to `created`: it was never moved, as far as is known
  bool displaced = false;  ///< see OpenedSession
};

/// The sessions of this proxy, as its cluster sees and changes them. Belongs to the main thread;
/// the workers use the ledger meanwhile.
///
/// Changes are told in an order that can be followed: what became of a key before what is on it
/// now. A session that was told as present is told again before the end that was told has passed,
/// unless it has ended, was evicted, or is displaced: displaced sessions are not told until they
/// are moved, but their endings are, and an evicted one is still there as far as others are
/// concerned. So nobody is missing from what was told and is not yet over, except while it is under
/// way.
///
/// What others say is not told back, unless what results here is not what they said. A session that
/// was taken over from another member is told as soon as it is used here, even if its end has
/// hardly moved: this proxy is then one of those that must have said `expired` before the session
/// is over.
class SharedSessions {
 public:
  virtual ~SharedSessions() = default;

  /// Appends up to `max` changes that have not been told yet; true: more are due. They then count
  /// as told.
  virtual bool collect(std::vector<SessionChange>& out, std::size_t max, Instant now) = 0;

  /// How many parts the table has for `collect_all`. Constant.
  [[nodiscard]] virtual std::size_t parts() const = 0;
  /// Appends everything of a part, told or not: its sessions as `present` and its aliases, at most
  /// some 2,000. At a start nothing has been told.
  virtual void collect_all(std::size_t part, std::vector<SessionChange>& out, Instant now) = 0;
  /// Whether changes may have been lost since the last call: there were too many, or another
  /// process that shared the ledger has ended. Everything must then be told again by `collect_all`.
  /// Endings that were lost are not found again: others keep such sessions until the end they were
  /// told.
  [[nodiscard]] virtual bool take_overflow() = 0;

  /// Takes a session over. One that is known here already keeps what is later: it is live if either
  /// is, its last use is the later one, and it is moved unless it was put on its node later here.
  virtual void adopt(const RemoteSession& session, Instant now) = 0;
  /// Another member has moved a session. No effect if it was moved later here, or is not known.
  virtual void place(const SessionKey& key, NodeSlot to, Instant placed, Instant now) = 0;
  /// Its user has logged out at another member. It leaves the counts, even if exchanges hold it. No
  /// effect if it was created after `ended`, or is not known.
  virtual void end_remote(const SessionKey& key, Instant ended, Instant now) = 0;
  /// Another member has renewed the value `from` of a session: see Ledger::renew. No effect if
  /// `from` is not known.
  virtual void renew_remote(const SessionKey& from, const SessionKey& to, Instant now) = 0;
  /// At another member `key` also finds the session `of`: see Ledger::alias. No effect if `of` is
  /// not known or `key` is.
  virtual void alias_remote(const SessionKey& key, const SessionKey& of, Instant now) = 0;
  /// The session that this value finds. Does not count as a use of it.
  [[nodiscard]] virtual std::optional<KnownSession> look(const SessionKey& key, Instant now) = 0;
};

}  // namespace bonedry::session
