#include "proxy/base/random.h"
#include "session/mapped_ledger.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace bonedry::micro {
namespace {

using session::SessionKey;
using session::SessionState;

constexpr Instant kNow{1'000'000};
constexpr session::CookieFingerprint kCheck = 77;
// With reserve: shards fill unevenly, and a full shard evicts before the table is full.
constexpr std::size_t kCapacity = 1'250'000;

/// As random as real keys, but computed: a table of keys would cause cache misses of its own.
SessionKey key_of(std::uint64_t number) {
  Random bits(number);
  return {bits.next(), bits.next()};
}

/// A ledger with a given number of live sessions on one node.
struct Filled {
  explicit Filled(std::uint32_t count, std::size_t capacity = kCapacity)
      : sessions(count), ledger(capacity, kNow) {
    ledger.set_times(alice,
                     {std::chrono::minutes{20}, std::chrono::minutes{20}, std::chrono::hours{12}});
    for (std::uint32_t number = 0; number < count; ++number) begin(number, SessionState::live);
  }

  void begin(std::uint64_t number, SessionState state) {
    const auto made = ledger.begin(key_of(number), kCheck, alice, state, kNow, kNow);
    ledger.close(made.ref, kNow);
  }
  /// A request of a session, from its head to its end.
  void touch(std::uint64_t number) {
    const auto found = ledger.open(key_of(number), kCheck, kNow);
    if (!found.opened) throw std::logic_error("a session is missing");
    ledger.close(found.opened->ref, kNow);
  }

  std::uint32_t sessions;
  session::MappedLedger ledger;
  session::NodeSlot alice = ledger.slot_of("shop/alice");
};

/// The ledger of this size, which all threads of a benchmark share. Only the last one is kept: a
/// million sessions take a second to begin, and a benchmark is entered several times.
Filled& filled(const benchmark::State& state) {
  static std::mutex mutex;
  static std::unique_ptr<Filled> last;
  const std::lock_guard lock(mutex);
  const auto sessions = static_cast<std::uint32_t>(state.range(0));
  if (!last || last->sessions != sessions) {
    last.reset();
    last = std::make_unique<Filled>(sessions);
  }
  return *last;
}

// A request of a random known session: the look-up at its head and the time stamp at its end.
void touch(benchmark::State& state) {
  Filled& table = filled(state);
  Random random(static_cast<std::uint64_t>(state.thread_index()));
  for (auto _ : state) table.touch(random.below(table.sessions));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(touch)
    ->Name("ledger/touch")
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->ThreadRange(1, 2)
    ->UseRealTime();

// A cookie whose session has ended, or never existed.
void miss(benchmark::State& state) {
  Filled& table = filled(state);
  Random random(1);
  for (auto _ : state) {
    const SessionKey key{random.next(), random.next()};
    benchmark::DoNotOptimize(table.ledger.open(key, kCheck, kNow));
  }
}
BENCHMARK(miss)->Name("ledger/miss")->Arg(0)->Arg(1'000)->Arg(1'000'000);

// The count that balancing, bleeding and `status` read.
void count(benchmark::State& state) {
  Filled& table = filled(state);
  const balancer::SessionCounts& counts = table.ledger.counts(table.alice);
  for (auto _ : state) benchmark::DoNotOptimize(counts.read());
}
BENCHMARK(count)->Name("ledger/count")->Arg(1'000)->ThreadRange(1, 2)->UseRealTime();

// The total over all shards: once per `status`.
void totals(benchmark::State& state) {
  Filled& table = filled(state);
  for (auto _ : state) benchmark::DoNotOptimize(table.ledger.totals());
}
BENCHMARK(totals)->Name("ledger/totals")->Arg(1'000);

// A sweep that finds no session due: ten per second.
void sweep(benchmark::State& state) {
  Filled& table = filled(state);
  for (auto _ : state) benchmark::DoNotOptimize(table.ledger.sweep(kNow));
}
BENCHMARK(sweep)->Name("ledger/sweep")->Arg(1'000'000);

// A new session in a full table, where it evicts the oldest pending one.
void begin_full(benchmark::State& state) {
  Filled table(0, 10'000);
  std::uint64_t number = 0;
  while (number < 20'000) table.begin(number++, SessionState::pending);
  for (auto _ : state) table.begin(number++, SessionState::pending);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(begin_full)->Name("ledger/begin/full");

}  // namespace
}  // namespace bonedry::micro
