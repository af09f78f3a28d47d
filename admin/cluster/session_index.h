#pragma once

#include "admin/cluster/node_tag.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "session/ledger.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace bonedry::admin::cluster {

/// What a member tells the index of one session. Times are ages and times left at the moment of
/// sending, since the members' clocks differ.
struct IndexOperation {
  enum class Kind : std::uint8_t {
    present,  ///< `key` is on `tag`: all fields but `other` and `rounding`
    left,     ///< `key` has ended for all members, `age` ago
    expired,  ///< `key` ended by time at this member, `age` ago: until when it may last was rounded
              ///< up by at most `rounding`
    renewed,  ///< `key` goes on as `other`, for which the rest is as with `present`
    aliased,  ///< `key` also finds the session of `other`, for `left`
  };

  Kind kind = Kind::present;
  session::SessionKey key;
  session::SessionKey other;
  NodeTag tag;
  session::SessionState state = session::SessionState::live;
  Millis age{0};        ///< since it was created, or ended
  Millis place_age{0};  ///< since it was put on its node
  Millis left{0};       ///< until it ends; with Kind::left: for how long its end must be known
  Millis rounding{0};
};

/// What the index knows better than the member that sent an operation.
struct Correction {
  enum class Kind : std::uint8_t {
    ended,    ///< `key` ended for all members, `age` ago
    is_at,    ///< `key` was put on `tag`, `age` ago
    renewed,  ///< `key` goes on as `other`
  };
  Kind kind = Kind::ended;
  session::SessionKey key;
  session::SessionKey other;
  NodeTag tag;
  Millis age{0};
};

/// What another member did.
struct IndexChange {
  enum class Kind : std::uint8_t {
    moved,    ///< `key` was put on `tag`, `age` ago
    left,     ///< `key` ended for all members, `age` ago
    renewed,  ///< `key` goes on as `other`
    aliased,  ///< `key` also finds the session of `other`
  };
  Kind kind = Kind::moved;
  session::SessionKey key;
  session::SessionKey other;
  NodeTag tag;
  Millis age{0};
};

/// The sessions of all members, as the store has them. Answers come later, never from inside the
/// call, and exactly one for each call: an error, for people, when the store was lost or what it
/// answered cannot be read; it may then have done what it was asked for. Every call can be
/// repeated. Used on the main thread.
class SessionIndex {
 public:
  template <class T>
  using Then = std::function<void(Result<T>)>;

  virtual ~SessionIndex() = default;
  SessionIndex() = default;
  SessionIndex(const SessionIndex&) = delete;
  SessionIndex& operator=(const SessionIndex&) = delete;

  /// In one step for all members. At most kMaxBatch, for other members wait meanwhile.
  virtual void apply(std::span<const IndexOperation> operations,
                     Then<std::vector<Correction>> then) = 0;
  static constexpr std::size_t kMaxBatch = 1000;  // some 20 ms of the time of a small store

  struct Alive {
    session::SessionKey key;  ///< not the one that was asked for, if that is an alias
    NodeTag tag;
    session::SessionState state = session::SessionState::live;
    Millis age{0};
    Millis place_age{0};
    Millis left{0};
  };
  struct Ended {
    Millis age{0};
  };
  /// `knows_us`: the member's word that it has sent all (`complete`) is there, so this is not an
  /// index that came up empty.
  struct Unknown {
    bool knows_us = false;
  };
  using Found = std::variant<Unknown, Ended, Alive>;
  /// From a session that is alive the index expects that the member takes it over.
  virtual void lookup(const session::SessionKey& key, Then<Found> then) = 0;

  struct Changes {
    std::uint64_t last = 0;  ///< the number of the last change that was read
    bool gap = false;        ///< some before these were dropped
    WallTime now;            ///< by the clock of the store
    std::vector<IndexChange> changes;
  };
  /// What other members did after the change with this number. Fewer than `most` may be returned
  /// when more are there: it is all only if `last` stays the same.
  virtual void read_changes(std::uint64_t after, std::size_t most, Then<Changes> then) = 0;

  struct Taken {
    struct Alias {
      session::SessionKey key;
      session::SessionKey of;
    };
    std::optional<std::uint32_t> next;  ///< where to go on; nothing: that was all
    std::vector<Alive> sessions;
    std::vector<Alias> aliases;  ///< of sessions of the same part
  };
  /// Sessions of a member that leaves, which has sent them all by this token, from a position on,
  /// which is 0 at first. Some `most` are looked at. The index expects that this member then has
  /// them. An error as well: the member has not sent all.
  struct Leaver {
    std::string name;
    std::string token;
  };
  virtual void take_over(const Leaver& leaver, std::uint32_t from, std::size_t most,
                         Then<Taken> then) = 0;

  struct Joined {
    bool complete = false;  ///< the index has the word of this token that it has sent all
    std::uint64_t last_change = 0;
  };
  /// `token`: names this process and this run of the store's server. If the index has the word of
  /// another token under the member's name, that holds no longer.
  virtual void join(const std::string& token, Then<Joined> then) = 0;
  /// The member of this token has sent all its sessions.
  virtual void complete(const std::string& token, Then<Done> then) = 0;

  struct Count {
    std::uint64_t live = 0;
    std::uint64_t pending = 0;
  };
  struct WholeMember {
    std::string name;
    std::string token;
    Millis heard{0};  ///< how long ago it last said that it has nothing more to send
  };
  struct Counts {
    std::vector<Count> nodes;           ///< in the order of the tags
    std::vector<WholeMember> complete;  ///< the members that have sent all their sessions
  };
  /// Whether this member has told the index everything that it knows.
  enum class Backlog : std::uint8_t { none, some };
  virtual void read_counts(Backlog backlog, std::span<const NodeTag> tags, Then<Counts> then) = 0;

  /// The node's sessions were taken off it, `age` ago. Repeated on one `occasion`, by any member,
  /// it changes nothing.
  virtual void displaced(NodeTag tag, const std::string& occasion, Millis age, Then<Done> then) = 0;
  /// Drops up to `most` entries that are past their end; says how many there were.
  virtual void clean(std::size_t most, std::span<const NodeTag> tags, Then<std::size_t> then) = 0;
};

}  // namespace bonedry::admin::cluster
