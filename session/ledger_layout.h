#pragma once

#include "balancer/node.h"
#include "session/checked.h"
#include "session/ledger.h"
#include "session/stay_histogram.h"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

/// What the ledger's file holds. Two processes may have it mapped at the same time, and either may
/// be killed between any two instructions, so there are no pointers in it, and every step that a
/// count depends on is one store of one word: `Record::packed_place`. Everything else can be
/// rebuilt from the records. Whatever cannot has a checksum (checked.h), because disks and people
/// damage files. Change `kVersion` with any change here.
///
/// In order: Header, Slot[kMaxSlots], then for each shard ShardHeader, Index[buckets],
/// WheelSlot[kWheelSlots], Record[room].
namespace bonedry::session::layout {

constexpr std::uint64_t kMagic = 0x6c7972646e6f6200;  // "\0bondryl"
constexpr std::uint32_t kVersion = 8;

constexpr std::size_t kMaxSlots = 8192;  // nodes that a file can hold; unused slots are recycled
constexpr std::size_t kMaxName = 136;    // "pool/node": 64 characters each, see conf/values.cc
constexpr std::size_t kMaxAddress = 64;  // "[IPv6]:port" in its longest form has 53 characters
// More than the worker threads that contend in practice; with the header's lock, fewer than the 64
// that ThreadSanitizer can follow.
constexpr std::size_t kMaxShards = 32;
constexpr std::size_t kMinShardCapacity = 1024;  // smaller shards would fill unevenly
constexpr std::int64_t kTickMs = 100;            // resolution of the timer wheel
constexpr std::int64_t kWheelSlots = 4096;  // seven minutes ahead; anything later is rescheduled
constexpr std::size_t kProcesses = 2;  // that share a file: one generation hands over to the next

using Index = std::uint32_t;  // a record's number in its shard plus one; 0: none

/// Times in the file are "ledger time", in milliseconds: an Instant plus `offset_ms`. Ledger time
/// continues across a reboot, after which Instants start again.
struct HeaderFacts {
  std::uint64_t magic;
  std::uint32_t version;  // at the same place in every version, for any version to read
  std::uint32_t record_size;
  std::uint64_t capacity;
  std::uint64_t boot;  // hash of the boot id; 0: not available
  std::int64_t offset_ms;
  std::int64_t incomplete_since_ms;  // 0: no records were ever lost
  std::uint64_t secret;              // id of the secret that seals
  std::uint64_t secret_before;       // id of the one before it, for the rollback of a failed config
};

struct Header {
  Redundant<HeaderFacts> facts;        // written last when a file is created
  RedundantWord seen_ms;               // ledger time of the last sweep
  RedundantWord seen_wall;             // wall clock at that time
  std::atomic<std::uint32_t> synced;   // kSynced: everything is on the disk, after a clean end
  std::atomic<std::uint32_t> recount;  // a count may be too high: recount all
  CheckedWord<std::uint32_t> slots_used;
  std::atomic<std::uint32_t> joined;  // how many processes ever joined
  pthread_mutex_t mutex;              // held while a slot is created
  // Ledger time up to which each process has read what its clients sent: that of its last sweep,
  // except while it catches up after a stall. kServesNobody: it has no clients.
  std::array<RedundantWord, kProcesses> read_until_ms;
};
constexpr std::int64_t kServesNobody = -1;
constexpr std::uint32_t kSynced = 0x636E7973;  // no single flipped bit turns another value into it

struct SlotFacts {
  std::array<char, kMaxName> name;        // zero-terminated
  std::array<char, kMaxAddress> address;  // zero-terminated
  std::uint64_t generation;               // less than kGenerations
  std::int64_t idle_ms;
  std::int64_t pending_ms;
  std::int64_t lifetime_ms;
};

struct Slot {
  Redundant<SlotFacts> facts;  // written under all shard locks, read under any
  alignas(64) std::array<balancer::NodeTraffic, kProcesses> traffic;  // written at each exchange
  alignas(64) balancer::SessionCounts counts;
  CheckedWord<std::int64_t> evicted_ms;  // ledger time of the last eviction; 0: never
  std::array<std::atomic<std::uint64_t>, TimeScale::kSteps> stays;  // of users who have left
};

/// Records due in one tick, in the order in which they were added.
struct WheelSlot {
  Index first;
  Index last;
};

struct ShardHeader {
  pthread_mutex_t mutex;  // robust, and shared between processes
  std::uint32_t owner;    // the process that locked it last
  std::int64_t tick;      // everything due before this tick is done
  std::uint64_t count;
  std::uint64_t evicted;
  CheckedWord<Index> used;
  Index ready;  // records that have disk space
  Index free;
  Index pending_oldest;
  Index pending_newest;
};

enum class State : std::uint8_t {
  free,
  pending,
  live,
  ended,  ///< over, but exchanges still hold it
  alias,  ///< another value of a session whose record is elsewhere: see `Record::target`
};

constexpr std::uint32_t kGenerations = 1U << 24U;

/// Where a session is: all that must change in one store.
struct Place {
  std::uint32_t generation = 0;  ///< differs from the slot's: displaced, counted nowhere
  std::uint16_t node = 0;
  State state = State::free;
};
inline bool is_session(Place place) {
  return place.state == State::pending || place.state == State::live;
}

struct Record {
  std::uint64_t key_high;
  std::uint64_t key_low;
  std::uint64_t check;                   // damage here only costs the opening of a seal
  CheckedWord<std::int64_t> created_ms;  // its checksum covers the key too: see `put_identity`
  CheckedWord<std::int64_t> last_ms;
  CheckedWord<std::uint64_t> packed_place;
  std::uint32_t exchanges : 20;   // no more than kMaxExchanges
  std::uint32_t cookie_tag : 12;  // see session::CookieTag
  std::uint32_t due_tick;         // the record is in the wheel slot of this tick
  Index next_same_hash;
  Index wheel_previous;
  Index wheel_next;
  Index pending_previous;
  Index pending_next;
  std::array<CheckedCount, kProcesses> open;      // exchanges that hold it, by process
  std::array<std::uint16_t, kProcesses> tunnels;  // those of them that are tunnels

  [[nodiscard]] Place place() const {
    const std::uint64_t packed = packed_place.load();
    return {static_cast<std::uint32_t>(packed >> 24U), static_cast<std::uint16_t>(packed),
            static_cast<State>((packed >> 16U) & 0xFFU)};
  }
  /// A reader that sees the new place also sees everything written before it.
  void put(Place place) {
    packed_place.store(std::uint64_t{place.generation} << 24U |
                       std::uint64_t{static_cast<std::uint8_t>(place.state)} << 16U | place.node);
  }
  /// Whose record it is, and since when: never changed while it is a session.
  void put_identity(std::uint64_t high, std::uint64_t low, std::int64_t created) {
    key_high = high;
    key_low = low;
    put_created(created);
  }
  void put_created(std::int64_t created) { created_ms.store(created, salt()); }
  [[nodiscard]] bool identity_intact() const { return created_ms.intact(salt()); }
  /// For an alias: the record of its session, or another alias of that. For a session whose value
  /// was renewed: the alias that its previous value has become; 0: there is none. A reader notices
  /// damage by the creation time, which must be the same in the record referred to.
  [[nodiscard]] SessionRef target() const {
    return {static_cast<std::uint32_t>(check >> 32U), static_cast<std::uint32_t>(check)};
  }
  void put_target(SessionRef ref) { check = std::uint64_t{ref.shard} << 32U | ref.index; }
  /// For an alias: a record further along the way to its session, for requests that come with its
  /// value. An exchange that holds the alias follows `target` instead, step by step. Damage is
  /// noticed in the same way. Stored in the links of the list of pending sessions, which an alias
  /// is not in.
  [[nodiscard]] SessionRef shortcut() const { return {pending_previous, pending_next}; }
  void put_shortcut(SessionRef ref) {
    pending_previous = ref.shard;
    pending_next = ref.index;
  }

 private:
  [[nodiscard]] std::uint64_t salt() const {
    // Any change of the CRC changes the checksum.
    return std::uint64_t{crc_of(key_high, key_low)} << 48U;
  }
};
constexpr std::uint32_t kMaxExchanges = (1U << 20U) - 1;
/// Marks the record as held by nobody.
inline void clear_holds(Record& record) {
  for (CheckedCount& count : record.open) count.put(0);
  record.tunnels = {};
}

static_assert(sizeof(Record) == 88);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace bonedry::session::layout
