// A process is killed at an arbitrary instruction while it works in the ledger.

#include "proxy/base/random.h"
#include "session/mapped_ledger.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/session/ledger_rig.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

namespace bonedry::session {
namespace {

using test::key_of;

constexpr int kKills = 200;
constexpr std::uint32_t kUsers = 300;
constexpr std::uint32_t kNobody = kUsers;
constexpr NodeSlot kNodes = 3;
constexpr CookieFingerprint kCheck = 5;
constexpr SessionTimes kTimes{std::chrono::hours{1}, std::chrono::hours{1}, std::chrono::hours{9}};

/// What the killed process recorded, in memory that survives it.
struct Diary {
  struct User {
    std::atomic<bool> known;
    std::atomic<bool> live;
    std::atomic<NodeSlot> node;
  };
  std::array<User, kUsers> users;
  std::atomic<std::uint32_t> busy_with;  // the user whose step may be half done, or kNobody
  std::atomic<std::uint64_t> steps;
};

class SharedDiary {
 public:
  SharedDiary() {
    void* const bytes =
        ::mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) throw std::bad_alloc();
    diary_ = new (bytes) Diary();
    diary_->busy_with = kNobody;
  }
  ~SharedDiary() { ::munmap(diary_, sizeof(Diary)); }
  SharedDiary(const SharedDiary&) = delete;
  SharedDiary& operator=(const SharedDiary&) = delete;
  Diary* operator->() const { return diary_; }

 private:
  Diary* diary_ = nullptr;
};

class KilledLedgerTest : public testing::Test {
 protected:
  std::unique_ptr<MappedLedger> open() {
    auto start = MappedLedger::open(directory_ / "ledger", 1000, secrets_, clock_);
    if (!start) throw std::runtime_error(start.error());
    for (const char* node : {"shop/alice", "shop/bob", "shop/carol"}) {
      start->ledger->set_times(start->ledger->slot_of(node), kTimes);
    }
    return std::move(start->ledger);
  }

  /// Starts a process that works in the ledger, and kills it in the middle of a step.
  void run_and_kill(unsigned seed) {
    const std::uint64_t enough = diary_->steps + 20;
    const pid_t victim = ::fork();
    ASSERT_GE(victim, 0);
    if (victim == 0) work(seed);
    while (diary_->steps < enough && ::waitpid(victim, nullptr, WNOHANG) == 0) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::microseconds{seed * 7919 % 500});
    ::kill(victim, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(victim, &status, 0), victim);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the victim ended by itself";
  }

  [[noreturn]] void work(unsigned seed) {
    try {
      const auto ledger = open();
      Random random(seed);
      for (;;) step(*ledger, random);
    } catch (...) {
    }
    std::_Exit(1);
  }

  void step(MappedLedger& ledger, Random& random) {
    const std::uint32_t number = random.below(kUsers);
    const NodeSlot to = random.below(kNodes);
    Diary::User& user = diary_->users[number];
    diary_->busy_with = number;
    const Instant now = clock_.now();
    if (!user.known) {
      const auto session =
          ledger.begin(key_of(number), kCheck, to, SessionState::pending, now, now);
      ledger.close(session.ref, now);
      user.node = to;
      user.live = false;
      user.known = true;
    } else if (const auto found = ledger.open(key_of(number), kCheck, now); found.opened) {
      if (random.below(8) == 0) {
        ledger.end(found.opened->ref);
        ledger.close(found.opened->ref, now);
        user.known = false;
        ++diary_->steps;
        diary_->busy_with = kNobody;
        return;
      }
      if (random.below(2) == 0) user.node = ledger.move(found.opened->ref, user.node, to).node;
      ledger.close(found.opened->ref, now);
      user.live = true;
    } else {
      std::_Exit(2);  // a session was lost
    }
    ++diary_->steps;
    diary_->busy_with = kNobody;
  }

  /// Checked before anything is rebuilt: a kill may leave a count too high, never too low.
  void expect_nobody_uncounted(const MappedLedger& ledger) {
    std::array<std::int64_t, kNodes> known{};
    for (std::uint32_t number = 0; number < kUsers; ++number) {
      const Diary::User& user = diary_->users[number];
      if (number != diary_->busy_with && user.known) ++known[user.node];
    }
    for (NodeSlot node = 0; node < kNodes; ++node) {
      EXPECT_GE(ledger.counts(node).read().all(), known[node]);
    }
  }

  /// All users are where the diary says, and the counts match.
  void expect_all_right(MappedLedger& ledger) {
    if (diary_->busy_with != kNobody)
      diary_->users[diary_->busy_with].known = false;  // unless it is found
    std::array<std::int64_t, kNodes> live{};
    std::array<std::int64_t, kNodes> pending{};
    for (NodeSlot node = 0; node < kNodes; ++node) {
      for (const SessionInfo& session : test::list(ledger, node, 10 * kUsers)) {
        ++(session.state == SessionState::live ? live : pending)[node];
        EXPECT_EQ(session.exchanges_open, 0U);
        expect_as_written(session, node);
        ++seen_;
      }
      EXPECT_EQ(ledger.counts(node).read().live, live[node]);
      EXPECT_EQ(ledger.counts(node).read().pending, pending[node]);
    }
    std::uint32_t known = 0;
    for (std::uint32_t number = 0; number < kUsers; ++number) {
      if (number != diary_->busy_with && diary_->users[number].known) ++known;
    }
    EXPECT_EQ(std::exchange(seen_, 0), known) << "nobody is lost, nobody is there twice";
  }

  void expect_as_written(const SessionInfo& session, NodeSlot node) {
    const auto number = static_cast<std::uint32_t>(session.key.low);
    ASSERT_LT(number, kUsers);
    if (number == diary_->busy_with) {
      --seen_;
      return correct(session, node);
    }
    const Diary::User& user = diary_->users[number];
    EXPECT_TRUE(user.known);
    EXPECT_EQ(user.node, node) << number;
    EXPECT_EQ(user.live, session.state == SessionState::live) << number;
  }

  /// The interrupted step was either done or not: updates the diary with the result.
  void correct(const SessionInfo& session, NodeSlot node) {
    Diary::User& user = diary_->users[static_cast<std::uint32_t>(session.key.low)];
    user.known = true;
    user.node = node;
    user.live = session.state == SessionState::live;
  }

  bonedry::test::TemporaryDirectory directory_;
  SystemClock clock_;
  Secrets secrets_{{"a secret of at least 32 characters"}, SecretAge::generated};
  SharedDiary diary_;
  std::uint32_t seen_ = 0;
};

TEST_F(KilledLedgerTest, TheNextOneFindsEverybodyWhereTheyWere) {
  for (unsigned round = 1; round <= kKills; ++round) {
    ASSERT_NO_FATAL_FAILURE(run_and_kill(round));
    expect_all_right(*open());
    diary_->busy_with = kNobody;
    ASSERT_FALSE(testing::Test::HasFailure()) << "in round " << round;
  }
}

TEST_F(KilledLedgerTest, OneThatSharesItGoesOn) {
  const auto ledger = open();
  for (unsigned round = 1; round <= kKills; ++round) {
    ASSERT_NO_FATAL_FAILURE(run_and_kill(round));
    expect_nobody_uncounted(*ledger);
    while (ledger->sweep(clock_.now())) continue;
    (void)ledger->totals();  // enters every shard, and repairs those that a kill damaged
    while (ledger->sweep(clock_.now())) continue;
    expect_all_right(*ledger);
    diary_->busy_with = kNobody;
    ASSERT_FALSE(testing::Test::HasFailure()) << "in round " << round;
  }
}

}  // namespace
}  // namespace bonedry::session
