#include "bench/micro/messages.h"
#include "proxy/base/clock.h"
#include "session/affinity.h"
#include "session/cookie_header.h"
#include "session/mapped_ledger.h"
#include "session/sealed_cookie.h"
#include "session/value_hash.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::micro {
namespace {

using session::CookieContent;
using session::CookieSealer;

const std::vector<std::string> kSecrets{"the secret of all these benchmarks"};
constexpr CookieContent kContent{{0x0123456789abcdef, 0xfedcba9876543210}, 42, {1'700'000'000'000}};

std::string_view text_of(const CookieSealer::Value& value) {
  return {value.data(), value.size()};
}

// Our pair among a browser's four: once to look the session up, once more to remove the pair.
void find(benchmark::State& state, const std::string& field) {
  std::string_view text = field;
  for (auto _ : state) {
    benchmark::DoNotOptimize(text);
    benchmark::DoNotOptimize(session::find_cookie(text, "bonedry"));
  }
}
BENCHMARK_CAPTURE(find, third, cookie_field())->Name("cookie/find/third_of_four");
BENCHMARK_CAPTURE(find, none, std::string("theme=dark; cart=3f2504e04f8911d39a0c0305e82c3301"))
    ->Name("cookie/find/none_of_two");

// The whole work on a known session's cookie: base64 and the check.
void peek(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  const CookieSealer::Value value = sealer.seal(kContent);
  std::string_view text = text_of(value);
  for (auto _ : state) {
    benchmark::DoNotOptimize(text);
    benchmark::DoNotOptimize(session::peek(text));
  }
}
BENCHMARK(peek)->Name("cookie/peek");

// A cookie for a new or moved session.
void seal(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  for (auto _ : state) benchmark::DoNotOptimize(sealer.seal(kContent));
}
BENCHMARK(seal)->Name("cookie/seal");

// A cookie that the ledger does not have: late, forged, or from before a restart.
void open(benchmark::State& state) {
  CookieSealer sealer(kSecrets, "shop");
  const CookieSealer::Value value = sealer.seal(kContent);
  for (auto _ : state) benchmark::DoNotOptimize(sealer.open(text_of(value)));
}
BENCHMARK(open)->Name("cookie/open");

// What set_cookie computes for the node that the cookie names.
void node_key(benchmark::State& state) {
  const CookieSealer sealer(kSecrets, "shop");
  for (auto _ : state) benchmark::DoNotOptimize(sealer.node_key(0, "alice"));
}
BENCHMARK(node_key)->Name("cookie/node_key");

// With sticky = "learn": the cost of each request's cookie, and of each response's Set-Cookie.
void value_hash(benchmark::State& state) {
  session::ValueHash hash(kSecrets, "shop");
  const std::string value = "3F2504E04F8911D39A0C0305E82C3301";
  for (auto _ : state) benchmark::DoNotOptimize(hash.key(0, value));
}
BENCHMARK(value_hash)->Name("cookie/value_hash");

// The key of a new session, from the system's random generator.
void random_key(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(session::random_session_key());
}
BENCHMARK(random_key)->Name("cookie/random_key");

/// Pool "shop" with three nodes, as one worker has it.
class Shop {
 public:
  Shop() {
    pool_.config.name = "shop";
    for (const std::string name : {"alice", "bob", "carol"}) {
      balancer::NodeView& view = pool_.nodes.emplace_back();
      view.slot = ledger_.slot_of("shop/" + name);
      ledger_.set_times(view.slot,
                        {pool_.config.session.idle_timeout, pool_.config.session.pending_timeout,
                         pool_.config.session.max_lifetime});
      view.node = std::make_shared<balancer::Node>("shop", name, ledger_.counts(view.slot));
    }
    affinity_ = session::make_affinity(pool_, kSecrets, ledger_, clock_);
  }

  /// A new user's first exchange; returns the Set-Cookie.
  std::string welcome() {
    session::SessionBinding binding = affinity_->find_session({}, now());
    std::string set_cookie = affinity_->on_response(binding, 0, {});
    affinity_->release(binding, now());
    return set_cookie;
  }

  /// A request with this value in its cookie, from its head to its end.
  session::SessionBinding serve(std::string_view value) {
    session::SessionBinding binding = affinity_->find_session({&value, 1}, now());
    binding.node =
        affinity_->bind(binding, balancer::RouteDecision::session_node, binding.node, now());
    affinity_->release(binding, now());
    return binding;
  }

 private:
  [[nodiscard]] Instant now() const { return clock_.now(); }

  ManualClock clock_;
  session::MappedLedger ledger_{10'000, clock_.now()};
  balancer::PoolView pool_;
  std::unique_ptr<session::Affinity> affinity_;
};

std::string value_of(const std::string& set_cookie) {
  const std::size_t from = set_cookie.find('=') + 1;
  return set_cookie.substr(from, set_cookie.find(';') - from);
}

// A click of a user whose session is in the ledger: most requests of a site with sessions.
void known_user(benchmark::State& state) {
  Shop shop;
  const std::string value = value_of(shop.welcome());
  for (auto _ : state) benchmark::DoNotOptimize(shop.serve(value));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(known_user)->Name("affinity/known_user");

// A new user's first request and the cookie in its response. The ledger fills up soon; then each
// new session replaces the one that has waited longest.
void new_user(benchmark::State& state) {
  Shop shop;
  for (auto _ : state) benchmark::DoNotOptimize(shop.welcome());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(new_user)->Name("affinity/new_user");

// A well-formed cookie that was never sealed: the work that an attacker can cause.
void forged(benchmark::State& state) {
  Shop shop;
  std::string value = value_of(shop.welcome());
  value[40] = value[40] == 'A' ? 'B' : 'A';
  for (auto _ : state) benchmark::DoNotOptimize(shop.serve(value));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(forged)->Name("affinity/forged_cookie");

}  // namespace
}  // namespace bonedry::micro
