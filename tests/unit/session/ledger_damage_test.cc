// A ledger that was damaged on the disk while users were on a bleeding node: the next start does
// not report the node dry too early, and moves nobody.

#include "balancer/routing.h"
#include "balancer/topology.h"
#include "proxy/base/random.h"
#include "session/affinity.h"
#include "session/checked.h"
#include "session/ledger_file.h"
#include "session/mapped_ledger.h"
#include "session/sealed_cookie.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/session/ledger_rig.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::session {
namespace {

using test::minutes;
using test::seconds;

constexpr std::size_t kFewUsers = 6;
constexpr std::size_t kCapacity = 100;

/// The original content of a part of the file.
struct Piece {
  std::size_t at = 0;
  std::vector<std::uint8_t> bytes;
};

class DamagedLedgerTest : public testing::Test {
 protected:
  DamagedLedgerTest() {
    pool.config.name = "shop";
    pool.config.session.idle_timeout = minutes{20};
    pool.config.session.pending_timeout = minutes{20};
    pool.config.session.max_lifetime = std::chrono::hours{12};
    for (const char* name : {"alice", "bob"}) {
      balancer::NodeView& view = pool.nodes.emplace_back();
      view.node = std::make_shared<balancer::Node>("shop", name, nobody);
    }
    populate();
  }

  /// Adds users on alice and one on bob; the last user's download is open when the process is
  /// killed.
  void populate() {
    start();
    for (std::size_t user = 0; user < kFewUsers; ++user) {
      begin(user);
      SessionBinding second = arrive(user);
      if (user + 1 < kFewUsers) affinity->release(second, clock.now());
    }
    pool.nodes[0].state = balancer::NodeState::bleeding;
    pool.nodes[0].door = balancer::Door::sessions_only;
    pass(minutes{1});
    killed_at = clock;
    const LedgerFile file = std::move(*(*LedgerFile::find(path))->file);
    const LedgerPlan& plan = file.plan();
    keep(0, sizeof(layout::Header));
    keep(LedgerPlan::slots_at(), 2 * sizeof(layout::Slot));
    keep(plan.shard_at(0), sizeof(layout::ShardHeader));
    keep(plan.records_at(0), kFewUsers * sizeof(layout::Record));
    // Users who are taken back in get further records: these must be gone in the next round.
    keep(plan.records_at(0) + kFewUsers * sizeof(layout::Record),
         2 * kFewUsers * sizeof(layout::Record));
    ledger.reset();
    put_back();
  }

  /// Begins a session as for a new user, but with the same key in each run: a 16-bit checksum
  /// misses some damage, and chance must not decide which.
  void begin(std::size_t user) {
    const std::size_t node = user == 0 ? 1 : 0;
    CookieSealer sealer(secrets.all, "shop");
    const SessionKey key{0x9E3779B97F4A7C15 * (user + 1), 0xD1B54A32D192ED03 * (user + 1)};
    const auto sealed =
        sealer.seal({key, sealer.node_key(0, pool.nodes[node].node->name()), clock.wall()});
    cookies.emplace_back(sealed.data(), sealed.size());
    const OpenedSession session =
        ledger->begin(key, peek(cookies.back())->fingerprint, pool.nodes[node].slot,
                      SessionState::pending, clock.now(), clock.now());
    ledger->close(session.ref, clock.now());
  }

  void keep(std::size_t at, std::size_t size) {
    Piece piece{at, std::vector<std::uint8_t>(size)};
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::pread(fd, piece.bytes.data(), size, static_cast<off_t>(at)),
              static_cast<ssize_t>(size));
    ::close(fd);
    pieces.push_back(std::move(piece));
  }
  /// Restores the file as the killed process left it.
  void put_back() {
    if (!std::filesystem::exists(path)) return;
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    for (const Piece& piece : pieces) {
      ASSERT_EQ(::pwrite(fd, piece.bytes.data(), piece.bytes.size(), static_cast<off_t>(piece.at)),
                static_cast<ssize_t>(piece.bytes.size()));
    }
    ::close(fd);
    clock = killed_at;
  }
  void write(std::size_t at, std::uint8_t byte) const {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::pwrite(fd, &byte, 1, static_cast<off_t>(at)), 1);
    ::close(fd);
  }

  void start() {
    auto started = MappedLedger::open(path, kCapacity, secrets, clock);
    ASSERT_TRUE(started) << started.error();
    secrets.age = SecretAge::existing;
    ledger = std::move(started->ledger);
    damage = started->set_aside + started->damage;
    pool.ledger_complete_at = Instant{0};
    if (const auto since = ledger->incomplete_since()) {
      pool.ledger_complete_at = *since + longest_session(pool.config.session);
    }
    for (std::size_t node = 0; node < 2; ++node) {
      pool.nodes[node].slot = ledger->slot_of(node == 0 ? "shop/alice" : "shop/bob");
      ledger->set_times(pool.nodes[node].slot, {minutes{20}, minutes{20}, std::chrono::hours{12}});
    }
    affinity = make_affinity(pool, secrets.all, *ledger, clock);
  }
  void pass(Millis by) {
    clock.advance(by);
    while (ledger->sweep(clock.now())) continue;
  }
  SessionBinding arrive(std::size_t user) {
    const std::vector<std::string_view> values{cookies[user]};
    return affinity->find_session(values, clock.now());
  }

  /// The check that the control plane makes.
  [[nodiscard]] bool looks_dry() const {
    const NodeSlot alice = pool.nodes[0].slot;
    const auto evicted = ledger->last_eviction(alice);
    const bool complete =
        clock.now() >= pool.ledger_complete_at &&
        (!evicted || clock.now() >= *evicted + longest_session(pool.config.session));
    return complete && ledger->counts(alice).read().all() == 0;
  }
  void expect_at_home(std::size_t user, const std::string& what) {
    SessionBinding binding = arrive(user);
    const std::size_t home = user == 0 ? 1 : 0;
    const auto decision = binding.claim == balancer::Claim::none
                              ? balancer::RouteDecision::new_session
                              : balancer::route(binding.claim, pool.nodes[binding.node],
                                                balancer::Reachable::yes, conf::OnLost::rescue);
    EXPECT_EQ(decision, balancer::RouteDecision::session_node) << what << ", user " << user;
    EXPECT_EQ(binding.node, home) << what << ", user " << user;
    EXPECT_EQ(affinity->bind(binding, decision, home, clock.now()), home);
    affinity->release(binding, clock.now());
  }
  /// Starts again and checks everything until just before the users would have left.
  void expect_harmless(const std::string& what) {
    clock.advance(seconds{30});
    start();
    ASSERT_TRUE(ledger) << what;
    pass(minutes{17});
    EXPECT_FALSE(looks_dry()) << what;
    for (std::size_t user = 0; user < kFewUsers; ++user) expect_at_home(user, what);
    const auto counted = ledger->counts(pool.nodes[0].slot).read().live;
    EXPECT_EQ(counted, kFewUsers - 1) << what;
    affinity.reset();
    ledger.reset();
    clean_up();
  }
  void clean_up() {
    bool aside = false;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
      if (entry.path() == path) continue;
      aside = true;
      std::filesystem::rename(entry.path(), path);  // pages between the pieces: derived data
    }
    set_aside += aside ? 1 : 0;
    put_back();
  }

  void expect_every_bit_harmless(const Piece& piece, const char* what) {
    for (std::size_t byte = 0; byte < piece.bytes.size() && !HasFailure(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        write(piece.at + byte, static_cast<std::uint8_t>(piece.bytes[byte] ^ (1U << bit)));
        expect_harmless(std::string(what) + " byte " + std::to_string(byte) + " bit " +
                        std::to_string(bit));
      }
    }
  }

  const balancer::SessionCounts nobody;
  balancer::PoolView pool;
  // In memory if possible: thousands of starts each write the header to the disk.
  bonedry::test::TemporaryDirectory directory{std::filesystem::exists("/dev/shm")
                                                  ? std::filesystem::path("/dev/shm")
                                                  : std::filesystem::temp_directory_path()};
  const std::string path = directory / "ledger";
  ManualClock clock;
  ManualClock killed_at;
  Secrets secrets{{"a secret of at least 32 characters"}, SecretAge::generated};
  std::unique_ptr<MappedLedger> ledger;
  std::unique_ptr<Affinity> affinity;
  std::vector<std::string> cookies;
  std::vector<Piece> pieces;
  std::string damage;
  int set_aside = 0;
};

TEST_F(DamagedLedgerTest, UndamagedItIsComplete) {
  expect_harmless("no damage");
  start();
  EXPECT_EQ(damage, "");
  EXPECT_FALSE(ledger->incomplete_since());
  EXPECT_FALSE(ledger->last_eviction(pool.nodes[0].slot));
  pass(minutes{21});
  EXPECT_TRUE(looks_dry());
}

TEST_F(DamagedLedgerTest, NoBitOfTheHeaderMakesItLie) {
  expect_every_bit_harmless(pieces[0], "header");
  EXPECT_EQ(set_aside, 0) << "it is kept twice";
}

TEST_F(DamagedLedgerTest, NoBitOfASlotMakesItLie) {
  expect_every_bit_harmless(pieces[1], "slot");
  EXPECT_EQ(set_aside, 0) << "it is kept twice";
}

TEST_F(DamagedLedgerTest, NoBitOfAShardOrARecordMakesItLie) {
  expect_every_bit_harmless(pieces[2], "shard");
  expect_every_bit_harmless(pieces[3], "record");
}

TEST_F(DamagedLedgerTest, NoBytesAtRandomMakeItLie) {
  Random random(7);
  for (int round = 0; round < 3000 && !HasFailure(); ++round) {
    const Piece& piece = pieces[round % 4 == 0 ? random.below(3) : 3];
    for (int i = 0; i < 12; ++i) {
      write(piece.at + random.below(static_cast<std::uint32_t>(piece.bytes.size())),
            static_cast<std::uint8_t>(random.below(256)));
    }
    expect_harmless("round " + std::to_string(round));
  }
}

TEST_F(DamagedLedgerTest, NoPageOfZerosMakesItLie) {
  for (const Piece& piece : pieces) {
    for (std::size_t byte = 0; byte < piece.bytes.size(); ++byte) write(piece.at + byte, 0);
    expect_harmless("zeros at " + std::to_string(piece.at));
  }
}

TEST_F(DamagedLedgerTest, WhatIsDroppedIsSaid) {
  write(pieces[3].at + 3, 0xFF);  // in the key of the user on bob
  start();
  EXPECT_EQ(damage, "1 record was damaged and dropped");
  EXPECT_EQ(ledger->last_eviction(pool.nodes[1].slot), clock.now());
  EXPECT_FALSE(ledger->last_eviction(pool.nodes[0].slot)) << "nobody of alice's is missing";
}

TEST(CheckedTest, ASingleBitIsAlwaysNoticed) {
  for (const std::int64_t value : {0L, 1L, -1L, 77L, 1'700'000'000'000L}) {
    for (unsigned bit = 0; bit < 64; ++bit) {
      layout::CheckedWord<std::int64_t> word;
      word.store(value);
      ASSERT_EQ(word.load(), value);
      ASSERT_TRUE(word.intact());
      std::uint64_t bits = 0;
      std::memcpy(&bits, static_cast<const void*>(&word), sizeof(bits));
      bits ^= std::uint64_t{1} << bit;
      std::memcpy(static_cast<void*>(&word), &bits, sizeof(bits));
      EXPECT_FALSE(word.intact()) << value << ", bit " << bit;
    }
  }
  for (std::uint32_t value = 0; value < 100; ++value) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      layout::CheckedCount count{};
      count.put(value);
      auto bits = std::bit_cast<std::uint32_t>(count);
      bits ^= 1U << bit;
      count = std::bit_cast<layout::CheckedCount>(bits);
      EXPECT_FALSE(count.intact()) << value << ", bit " << bit;
    }
  }
}

}  // namespace
}  // namespace bonedry::session
