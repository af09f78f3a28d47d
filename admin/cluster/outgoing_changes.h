#pragma once

#include "proxy/base/clock.h"
#include "session/shared_sessions.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace bonedry::admin::cluster {

/// Keys of sessions are random.
struct SessionKeyHash {
  std::size_t operator()(const session::SessionKey& key) const noexcept {
    return static_cast<std::size_t>(key.low ^ key.high);
  }
};

/// The changes that wait to be sent to the index, in their order, and the endings and renewals of
/// the last minute, which are sent again where the store may have lost them. What the sessions that
/// go on are is not kept: the ledger knows. Owned by SessionSync.
class OutgoingChanges {
 public:
  static constexpr Millis kKept{60'000};
  static constexpr std::size_t kMaxKept = 20'000;  // of 100 bytes

  void add(const std::vector<session::SessionChange>& changes, Instant now);
  /// The next changes to send.
  [[nodiscard]] std::vector<session::SessionChange> take(std::size_t most);
  /// Changes that were taken, and may or may not have arrived. They are taken again before all
  /// others, after those that were given back before them.
  void give_back(std::vector<session::SessionChange> changes);
  /// Sends the endings and renewals of the last minute again, before what waits, and after what was
  /// given back.
  void repeat_kept(Instant now);
  /// When a session ended at this member by a logout, if that was in the last minute.
  [[nodiscard]] std::optional<Instant> ended(const session::SessionKey& key) const;

  [[nodiscard]] std::size_t waiting() const {
    return returned_.size() + repeated_.size() + waiting_.size();
  }
  /// Whether something waits to be sent once more.
  [[nodiscard]] bool has_returned() const { return !returned_.empty() || !repeated_.empty(); }
  /// How many changes were ever added, and how many of these have been taken.
  [[nodiscard]] std::uint64_t added() const { return added_; }
  [[nodiscard]] std::uint64_t taken() const { return added_ - waiting_.size(); }

 private:
  struct Kept {
    session::SessionChange change;
    Instant at;
  };
  void keep(const session::SessionChange& change, Instant now);
  void forget_old(Instant now);
  void forget_first();

  std::deque<session::SessionChange> returned_;  // no more than were taken: they go first
  std::deque<session::SessionChange> repeated_;  // some of kept_
  std::deque<session::SessionChange> waiting_;
  std::uint64_t added_ = 0;
  std::deque<Kept> kept_;
  std::unordered_map<session::SessionKey, Instant, SessionKeyHash> ended_;  // those of kept_
};

}  // namespace bonedry::admin::cluster
