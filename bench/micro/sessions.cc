// What it costs to know a user.
#include "session/cookie_header.h"
#include "session/memory_ledger.h"
#include "session/sealed_cookie.h"

#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::session {
namespace {

constexpr Instant kNow{1000000};
const std::array<std::string, 1> kSecrets{"a secret of at least thirty-two characters"};

CookieContent content_of(std::uint64_t user) {
  return {{user * 0x9E3779B97F4A7C15U, user}, 42, WallTime{1700000000000}};
}

/// The known user: find the cookie in its field and read it, without any cryptography.
void find_and_peek(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  const auto value = sealer.seal(content_of(1));
  const std::string field =
      "theme=dark; bonedry=" + std::string(value.begin(), value.end()) + "; consent=yes";
  for (auto _ : state) benchmark::DoNotOptimize(peek(find_cookie(field, "bonedry")->value));
}
BENCHMARK(find_and_peek);

/// A new user's cookie.
void seal(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  for (auto _ : state) benchmark::DoNotOptimize(sealer.seal(content_of(1)));
}
BENCHMARK(seal);

/// A cookie that the ledger does not know.
void unseal(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  const auto value = sealer.seal(content_of(1));
  const std::string text(value.begin(), value.end());
  for (auto _ : state) benchmark::DoNotOptimize(sealer.open(text));
}
BENCHMARK(unseal);

/// A ledger of so many live sessions, all of one node.
struct Filled {
  explicit Filled(std::size_t count) : ledger(count + count / 4 + 1000, kNow), keys(count) {
    node = ledger.slot_of("shop/alice");
    ledger.set_times(node, {Millis{3600000}, Millis{3600000}, Millis{36000000}});
    for (SessionKey& key : keys) {
      key = random_session_key();
      ledger.close(ledger.begin(key, 7, node, SessionState::live, kNow, kNow).ref, kNow);
    }
  }
  MemoryLedger ledger;
  std::vector<SessionKey> keys;
  NodeSlot node = 0;
};

std::unique_ptr<Filled> filled;

/// One exchange of a known user: open at its start, close at its end; users in random order.
void touch(benchmark::State& state) {
  std::size_t at = static_cast<std::size_t>(state.thread_index()) * 7919;
  for (auto _ : state) {
    at = (at + 104729) % filled->keys.size();
    const auto lookup = filled->ledger.open(filled->keys[at], 7, kNow);
    filled->ledger.close(lookup.opened->ref, kNow);
  }
}
void fill(const benchmark::State& state) {
  filled = std::make_unique<Filled>(static_cast<std::size_t>(state.range(0)));
}
void empty(const benchmark::State& /*state*/) {
  filled.reset();
}
BENCHMARK(touch)->Arg(1000)->Arg(1000000)->Setup(fill)->Teardown(empty);
BENCHMARK(touch)->Arg(1000)->Arg(1000000)->Setup(fill)->Teardown(empty)->Threads(2)->UseRealTime();

/// Reading a node's count, as `status` does.
void count(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled->ledger.counts(filled->node).read());
  }
}
BENCHMARK(count)->Arg(1000000)->Setup(fill)->Teardown(empty);

}  // namespace
}  // namespace bonedry::session
