#include "admin/metrics/scrape.h"
#include "balancer/node_meter.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace bonedry::micro {
namespace {

using admin::NodeStatus;
using admin::Status;
using namespace std::chrono_literals;

/// As many nodes, each with figures of some length; one in ten bleeds.
Status busy_nodes(std::int64_t count) {
  Status status;
  admin::PoolStatus& pool = status.pools.emplace_back();
  pool.name = "shop";
  for (std::int64_t i = 0; i < count; ++i) {
    NodeStatus& node = pool.nodes.emplace_back();
    node.pool = pool.name;
    node.name = "node" + std::to_string(i);
    node.live = 1'000 + i;
    for (const auto& [name, member] : balancer::kNodeCounts) node.totals.*member = 123'456'789;
    for (const auto& [name, durations] : balancer::kNodeDurations) {
      (node.totals.*durations).buckets.fill(1'234'567);
      (node.totals.*durations).sum_ms = 98'765'432'101;
    }
    if (i % 10 != 0) continue;
    node.state = balancer::NodeState::bleeding;
    node.bleeding.emplace();
    node.bleeding->age = 1234s;
    node.bleeding->forecast = admin::DryForecast{840s, 543s, 1560s};
  }
  return status;
}

void scrape(benchmark::State& state) {
  const Status status = busy_nodes(state.range(0));
  std::size_t bytes = 0;
  for (auto _ : state) {
    admin::metrics::Scrape scrape(status, admin::metrics::Scope::everything,
                                  admin::metrics::Format::openmetrics);
    bytes = 0;
    for (auto piece = scrape.next(); !piece.empty(); piece = scrape.next()) bytes += piece.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(scrape)->Name("metrics/scrape")->Arg(2)->Arg(1'000)->Unit(benchmark::kMillisecond);

// What an exchange costs more: its duration, its response, its bytes.
void note(benchmark::State& state) {
  balancer::NodeMeter meter;
  for (auto _ : state) {
    meter.reuses.add();
    meter.bytes_out.add(64);
    meter.note_end(200);
    meter.duration.note(Millis{3});
    benchmark::DoNotOptimize(meter);
  }
}
BENCHMARK(note)->Name("metrics/note_exchange");

// What the main thread does each second for each node.
void read(benchmark::State& state) {
  balancer::NodeMeters meters;
  for (std::size_t worker = 0; worker < 4; ++worker) meters.of_worker(worker).note_end(200);
  for (auto _ : state) benchmark::DoNotOptimize(meters.read());
}
BENCHMARK(read)->Name("metrics/read_node");

}  // namespace
}  // namespace bonedry::micro
