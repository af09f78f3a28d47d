// Where a new user goes: each policy, with few and with many nodes.
#include "balancer/picker.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

namespace bonedry::balancer {
namespace {

using conf::Balance;

void pick(benchmark::State& state, Balance balance) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  const std::vector<SessionCounts> counts(nodes);
  PoolView pool;
  for (std::size_t i = 0; i < nodes; ++i) {
    NodeView view;
    view.node = std::make_shared<Node>("shop", "node" + std::to_string(i), counts[i]);
    pool.nodes.push_back(view);
  }
  Picker picker(balance, conf::Sticky::insert, 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(picker.pick(pool, Purpose::exchange, {}, Instant{1000000}));
  }
}
BENCHMARK_CAPTURE(pick, least_sessions, Balance::least_sessions)->Arg(2)->Arg(100)->Arg(1000);
BENCHMARK_CAPTURE(pick, round_robin, Balance::round_robin)->Arg(2)->Arg(100)->Arg(1000);
BENCHMARK_CAPTURE(pick, least_exchanges, Balance::least_exchanges)->Arg(2)->Arg(100)->Arg(1000);
BENCHMARK_CAPTURE(pick, random, Balance::random)->Arg(2)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace bonedry::balancer
