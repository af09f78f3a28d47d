#pragma once

#include "proxy/base/result.h"
#include "session/ledger.h"
#include "session/ledger_file.h"
#include "session/ledger_shard.h"
#include "session/secrets.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::session {

/// The ledger in a mapped file: it survives any end of the process, and two generations of the
/// program may share it while one hands over to the other.
///
/// Sharded by session key; a shard is a lock, a hash table of fixed-size records and a timer wheel
/// of expiry times. Using a session only updates its time stamp: the wheel checks it again when the
/// old time comes, so an operation costs the same at any size.
class MappedLedger final : public Ledger {
 public:
  /// In memory of this process alone. `capacity`: the most sessions kept; only sessions held by
  /// exchanges may exceed it.
  MappedLedger(std::size_t capacity, Instant now);
  ~MappedLedger() override;

  /// Where `open` got its sessions from.
  enum class Source : std::uint8_t {
    created,   ///< a new, empty file
    restored,  ///< the sessions of a process that has ended
    resized,   ///< the same, in a file of another capacity
    shared,    ///< another process uses it too
  };
  struct Start;
  /// Opens the ledger in `path`, or creates it. A file that cannot be trusted (another version,
  /// none of our secrets, damaged) is renamed and kept; if only parts are damaged, those are
  /// dropped, and the ledger is incomplete for the nodes concerned. `clock` must outlive the
  /// ledger. An error is for the operator: the disk, or two processes that use the file already.
  [[nodiscard]] static Result<Start> open(const std::string& path, std::size_t capacity,
                                          const Secrets& secrets, const Clock& clock);

  /// Joins the process that uses the ledger in `path`. A file that cannot be shared, or that no
  /// process uses, is an error and stays unchanged.
  [[nodiscard]] static Result<Start> share(const std::string& path, const Secrets& secrets,
                                           const Clock& clock);

  /// Since when cookies may come whose sessions should be in here and are not; nothing: none is
  /// missing.
  [[nodiscard]] std::optional<Instant> incomplete_since() const;
  /// From now on `sweep` is called ten times a second. A late call means that this process stalled,
  /// and that what its clients sent meanwhile still waits in its sockets: for two seconds more no
  /// session expires, neither in a sweep nor for a worker that finds the session first. Nor does
  /// one expire in another process that shares the ledger: that one goes by the last sweep of this
  /// process, however long ago that is, until this process has caught up or is gone.
  void start_sweeping(Instant now);
  /// The process is about to end: starts to write to the disk what the end will wait for, unless
  /// another process goes on using the ledger.
  void begin_flush() const {
    if (!is_shared()) file_.begin_sync();
  }
  void begin_incomplete(Instant now);

  Result<NodeSlot> claim_slot(std::string_view node_key) override;
  void release_slot(NodeSlot slot) override;
  void rename_slot(NodeSlot slot, std::string_view node_key) override;
  [[nodiscard]] bool is_shared() const override { return file_.has_other_process(); }
  void set_times(NodeSlot slot, SessionTimes times) override;
  void set_address(NodeSlot slot, std::string_view address) override;
  [[nodiscard]] std::vector<LedgerNode> nodes() const override;
  [[nodiscard]] const balancer::SessionCounts& counts(NodeSlot slot) const override;
  [[nodiscard]] balancer::NodeTraffic& traffic(NodeSlot slot) override;
  [[nodiscard]] const balancer::NodeTraffic& traffic_of_other_process(NodeSlot slot) const override;
  Lookup open(const SessionKey& key, CookieFingerprint fingerprint, Instant now) override;
  std::optional<OpenedSession> open_verified(const SessionKey& key, Instant now) override;
  OpenedSession begin(const SessionKey& key, CookieFingerprint fingerprint, NodeSlot node,
                      SessionState state, Instant created, Instant now) override;
  MovedSession move(SessionRef ref, NodeSlot from, NodeSlot to) override;
  void set_cookie_fingerprint(SessionRef ref, CookieFingerprint fingerprint) override;
  void end(SessionRef ref) override;
  MovedSession renew(SessionRef session, const SessionKey& key, NodeSlot node,
                     Instant now) override;
  void alias(SessionRef session, const SessionKey& key, Instant now) override;
  void confirm_renewal(SessionRef session, Millis grace, Instant now) override;
  [[nodiscard]] std::uint16_t cookie_tag(SessionRef ref) const override;
  void tag_cookie(SessionRef ref, std::uint16_t tag) override;
  void close(SessionRef ref, Instant now) override;
  std::uint64_t displace(NodeSlot slot) override;
  bool sweep(Instant now) override;
  [[nodiscard]] Instant expiry_now(Instant now) const override;
  void open_tunnel(SessionRef ref) override;
  void close_tunnel(SessionRef ref) override;
  [[nodiscard]] std::size_t parts() const override;
  void for_each(std::size_t part,
                const std::function<void(NodeSlot, const SessionInfo&)>& callback) const override;
  [[nodiscard]] StayHistogram stays(NodeSlot slot) const override;
  [[nodiscard]] std::optional<Instant> last_eviction(NodeSlot slot) const override;
  [[nodiscard]] Totals totals() const override;

 private:
  friend class ClusterLedger;  // the same records, for other proxies

  MappedLedger(LedgerFile file, std::size_t process, const Clock* clock);
  [[nodiscard]] static Result<Start> make(const std::string& path, std::size_t capacity,
                                          const Secrets& secrets, const Clock& clock);
  [[nodiscard]] static Result<Start> resize(std::unique_ptr<MappedLedger> old,
                                            const std::string& path, std::size_t capacity,
                                            const Clock& clock);

  /// Initialises a file that is new.
  void format(Instant now, std::uint64_t secret);
  /// Repairs everything that the last process left, when no other is there. Returns what it could
  /// not repair.
  RecordLoss repair();
  [[nodiscard]] bool same_boot(std::uint64_t boot) const;
  /// Continues ledger time after a reboot, after which Instants start again.
  void continue_time();
  /// Shares the file with the process that uses it.
  void join_other_process();
  /// False when the disk has no space for it.
  [[nodiscard]] bool copy_from(const MappedLedger& old);
  static void copy_slot(const layout::Slot& from, layout::Slot& to);
  void copy_sessions(const MappedLedger& old, std::int64_t now_ms);
  void copy_aliases(const MappedLedger& old, std::int64_t now_ms);
  /// The session that an alias leads to, while nobody else uses the ledger; nullptr: it is over.
  [[nodiscard]] const layout::Record* session_of(const layout::Record& alias) const;
  void recount();
  /// Changes what is stored about a node, under all locks.
  void change(NodeSlot slot, const layout::SlotFacts& facts);
  /// False when they are the same as before.
  [[nodiscard]] bool put_times(NodeSlot slot, SessionTimes times);
  void note_lost_everywhere(Instant now);
  /// Resets the traffic of a process that has ended.
  void forget_traffic_of(std::size_t process);
  void watch_other_process();
  /// Reads how far the other process has got with what its clients sent.
  void read_other_process();
  /// Whether this process stalled, and must first read what came meanwhile.
  [[nodiscard]] bool catching_up(std::int64_t now_ms);
  /// The time at which a session that is looked up must have expired to be over.
  [[nodiscard]] std::int64_t expiry_now_ms(Instant now) const;

  [[nodiscard]] std::int64_t ledger_ms(Instant at) const { return at.ms + offset_ms_; }
  [[nodiscard]] LastUse last_use() const;
  [[nodiscard]] Instant instant(std::int64_t ms) const { return {ms - offset_ms_}; }
  /// The first and the last record of a part, in its shard.
  [[nodiscard]] std::pair<std::size_t, std::size_t> records_of(std::size_t part) const;
  [[nodiscard]] SessionInfo info(const LedgerShard& shard, const layout::Record& record) const;
  [[nodiscard]] std::uint32_t number_of(const SessionKey& key) const;
  /// A session that there was no room for: it is held by nobody and has no record.
  static constexpr SessionRef kUnrecorded{UINT32_MAX, 0};
  [[nodiscard]] static bool unrecorded(SessionRef ref) { return ref.shard == kUnrecorded.shard; }
  [[nodiscard]] LedgerShard& shard_of(SessionRef ref) const { return shards_[ref.shard]; }
  [[nodiscard]] OpenedSession hold(std::uint32_t shard, LedgerShard::Index index, Instant now);
  [[nodiscard]] std::vector<RobustLock> lock_all() const;
  [[nodiscard]] std::vector<RobustLock> lock_both(std::uint32_t one, std::uint32_t other) const;
  /// The session that the alias of `key` at `index` leads to. If it leads to none, the alias is
  /// dropped, and `index` becomes the next alias of that value; 0: there is none.
  [[nodiscard]] std::optional<OpenedSession> open_alias(const SessionKey& key, std::uint32_t number,
                                                        LedgerShard::Index& index, Instant now);
  /// The session that an alias refers to; nothing: it is over.
  [[nodiscard]] std::optional<OpenedSession> open_target(SessionRef ref, std::int64_t created_ms,
                                                         Instant now);
  /// Whether `key` finds the session at `session` with this creation time, or another session that
  /// is not over.
  [[nodiscard]] bool is_value(const SessionKey& key, SessionRef session, std::int64_t created_ms,
                              Instant now);
  [[nodiscard]] std::int64_t created_of(SessionRef session) const;
  [[nodiscard]] std::optional<SessionRef> make_alias_of(SessionRef before, SessionRef next,
                                                        Instant now);
  /// The session at `before` goes on at `next` and becomes an alias, under the locks of both.
  void pass_on(SessionRef before, SessionRef next) const;
  void tell_renewal(SessionRef before, SessionRef next) const;
  /// Makes an alias, found to lead to `to` by way of its shortcut `from`, lead there directly.
  void shorten(SessionRef alias, SessionRef from, SessionRef to);
  /// Where the session that was held as `ref` is now. The hold itself stays on the record of `ref`.
  [[nodiscard]] SessionRef resolve(SessionRef ref) const;
  /// Calls `act` on the session that was held as `ref`, under its lock.
  template <class Act>
  auto with_session(SessionRef ref, const Act& act) const {
    for (;;) {
      LedgerShard& shard = shard_of(ref);
      const RobustLock lock = shard.lock();
      layout::Record& record = shard.at(ref.index);
      if (record.place().state != layout::State::alias) return act(shard, ref.index);
      ref = record.target();
    }
  }
  [[nodiscard]] std::optional<NodeSlot> find_slot(std::string_view name) const;
  void put_name(NodeSlot slot, std::string_view name);
  [[nodiscard]] Result<NodeSlot> new_slot(std::string_view name);
  [[nodiscard]] std::optional<NodeSlot> unused_slot();
  [[nodiscard]] std::string_view name_of(NodeSlot slot) const;

  // Many: the file, its parts, and what is known of the process that shares it.
  LedgerFile file_;
  std::size_t process_;
  const Clock* clock_;  // null: in memory, where the wall clock does not matter
  layout::Header& header_;
  layout::Slot* slots_;
  mutable std::vector<LedgerShard> shards_;
  std::size_t stripes_;  // parts of a shard
  std::int64_t offset_ms_ = 0;
  static constexpr std::int64_t kNotExpected = INT64_MIN;
  std::atomic<std::int64_t> swept_ms_{
      kNotExpected};                // ledger time of the last sweep that ended sessions
  std::int64_t last_sweep_ms_ = 0;  // ledger time of the last call
  static constexpr std::int64_t kNoLimit = INT64_MAX;
  std::atomic<std::int64_t> other_read_until_ms_{kNoLimit};  // see layout::Header::read_until_ms
  std::int64_t catch_up_until_ms_ = INT64_MIN;
  enum class OtherProcess : std::uint8_t { none, seen };
  OtherProcess other_process_ = OtherProcess::none;
  std::uint32_t joined_ = 0;  // Header::joined when it was last read
  enum class FileState : std::uint8_t { current, replaced };
  FileState file_state_ = FileState::current;  // replaced: the file no longer has a name
  std::mutex names_mutex_;                     // guards the members below
  // Round robin, so that a released slot stays unused for as long as possible.
  NodeSlot reuse_from_ = 0;
  std::map<std::string, NodeSlot, std::less<>> names_;
  std::vector<bool> claimed_ = std::vector<bool>(layout::kMaxSlots);
};

struct MappedLedger::Start {
  std::unique_ptr<MappedLedger> ledger;
  Source source = Source::created;
  std::string set_aside;  ///< why the existing file is not used, and where it is now
  std::string damage;     ///< what was damaged in the file that is used, and is dropped
  std::optional<LastUse> last_use = {};  ///< of an existing ledger that no other process uses
};

}  // namespace bonedry::session
