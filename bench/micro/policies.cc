#include "balancer/picker.h"
#include "balancer/topology.h"
#include "proxy/base/random.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::micro {
namespace {

using balancer::Purpose;
using conf::Balance;

constexpr Instant kNow{1'000'000};

/// Pool "shop" of active nodes, with up to a hundred sessions on each.
class Shop {
 public:
  explicit Shop(std::int64_t nodes) {
    view.config.name = "shop";
    Random random(1);
    for (std::int64_t number = 0; number < nodes; ++number) {
      balancer::SessionCounts& counts = counts_.emplace_back();
      for (std::uint32_t i = random.below(100); i > 0; --i) counts.add_live();
      view.nodes.emplace_back().node =
          std::make_shared<balancer::Node>("shop", "node" + std::to_string(number), counts);
    }
  }

  balancer::PoolView view;

 private:
  std::deque<balancer::SessionCounts> counts_;
};

// A node for a new user: eligibility, then the policy, then a reservation. Known users need none of
// it.
void pick(benchmark::State& state, Balance balance) {
  const Shop shop(state.range(0));
  balancer::Picker picker(balance, conf::Sticky::insert, 1);
  for (auto _ : state) {
    const auto chosen = picker.pick(shop.view, Purpose::new_session, {}, kNow);
    benchmark::DoNotOptimize(chosen);
    shop.view.nodes[*chosen].node->cancel_reservation();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(pick, least_sessions, Balance::least_sessions)
    ->Name("policies/least_sessions")
    ->Arg(2)
    ->Arg(100)
    ->Arg(1000);
BENCHMARK_CAPTURE(pick, round_robin, Balance::round_robin)
    ->Name("policies/round_robin")
    ->Arg(2)
    ->Arg(100)
    ->Arg(1000);
BENCHMARK_CAPTURE(pick, least_exchanges, Balance::least_exchanges)
    ->Name("policies/least_exchanges")
    ->Arg(2)
    ->Arg(100)
    ->Arg(1000);
BENCHMARK_CAPTURE(pick, random, Balance::random)
    ->Name("policies/random")
    ->Arg(2)
    ->Arg(100)
    ->Arg(1000);

// The policy alone, with given candidates.
void route(benchmark::State& state, Balance balance) {
  Random random(1);
  std::vector<balancer::Candidate> candidates(static_cast<std::size_t>(state.range(0)));
  for (std::size_t index = 0; index < candidates.size(); ++index) {
    candidates[index] = {index, 100, random.below(100), random.below(10)};
  }
  const auto policy = balancer::make_policy(balance, conf::Sticky::insert, 1);
  for (auto _ : state) benchmark::DoNotOptimize(policy->choose(candidates));
}
BENCHMARK_CAPTURE(route, least_sessions, Balance::least_sessions)
    ->Name("policies/choose/least_sessions")
    ->Arg(1000);
BENCHMARK_CAPTURE(route, round_robin, Balance::round_robin)
    ->Name("policies/choose/round_robin")
    ->Arg(1000);
BENCHMARK_CAPTURE(route, random, Balance::random)->Name("policies/choose/random")->Arg(1000);

}  // namespace
}  // namespace bonedry::micro
