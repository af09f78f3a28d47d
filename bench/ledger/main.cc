// Fills a ledger with a given number of sessions, and measures it; or leaves it for a proxy to
// load.
#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/random.h"
#include "session/mapped_ledger.h"
#include "session/secrets.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::bench {
namespace {

using session::MappedLedger;
using session::NodeSlot;
using session::SessionKey;
using session::SessionState;
using Stopwatch = std::chrono::steady_clock;

constexpr session::CookieFingerprint kCheck = 77;
// In per mille of the sessions. Sessions are spread over shards at random, and a full shard evicts:
// this is enough for a million sessions; ten million need less.
constexpr std::int64_t kHeadroom = 40;
constexpr int kBatch = 16;  // touches per clock read, which costs a quarter of a touch
constexpr int kBatches = 100'000;
constexpr int kReads = 10'000'000;

double seconds_since(Stopwatch::time_point start) {
  return std::chrono::duration<double>(Stopwatch::now() - start).count();
}

/// As random as real keys, but computed: a table of keys would compete for the CPU caches.
SessionKey key_of(std::int64_t number) {
  Random bits(static_cast<std::uint64_t>(number));
  return {bits.next(), bits.next()};
}

/// What a ledger is filled with, and for whom.
struct Filling {
  std::string state_dir;
  std::string secret_file;  // empty: one of its own, in the state_dir
  std::int64_t sessions = 0;
  std::int64_t first = 0;  // sessions of other numbers are others
  std::int64_t spread_ms = 0;
};

struct Table {
  std::int64_t first;
  std::int64_t sessions;
  std::unique_ptr<MappedLedger> ledger;
  NodeSlot node;
};

Table open_table(const Filling& filling, const Clock& clock) {
  conf::Server server;
  server.state_dir = filling.state_dir;
  server.secret_file = filling.secret_file;
  const Result<session::Secrets> secrets = session::load_secrets(server);
  if (!secrets) throw std::runtime_error(secrets.error());
  const std::int64_t sessions = filling.sessions;
  const auto capacity = static_cast<std::size_t>(sessions + sessions * kHeadroom / 1000);
  Result<MappedLedger::Start> start =
      MappedLedger::open(filling.state_dir + "/ledger", capacity, *secrets, clock);
  if (!start) throw std::runtime_error(start.error());
  const NodeSlot node = start->ledger->slot_of("shop/node0");
  start->ledger->set_times(
      node, {std::chrono::minutes{20}, std::chrono::minutes{20}, std::chrono::hours{12}});
  return {filling.first, sessions, std::move(start->ledger), node};
}

/// Begins live sessions whose last clicks are spread evenly over the time until `now`.
void fill(const Table& table, Instant now, Millis spread) {
  for (std::int64_t number = 0; number < table.sessions; ++number) {
    const auto ago = spread.count() * (table.sessions - number) / table.sessions;
    const Instant last{now.ms - ago};
    const auto begun = table.ledger->begin(key_of(table.first + number), kCheck, table.node,
                                           SessionState::live, last, last);
    table.ledger->close(begun.ref, last);
  }
  const std::int64_t live = table.ledger->counts(table.node).read().live;
  if (live != table.sessions) {
    throw std::runtime_error("only " + std::to_string(live) + " sessions are in the ledger");
  }
}

/// Repeats requests of known sessions, each from its head to its end; returns the nanoseconds per
/// request for every batch.
std::vector<double> touch_often(const Table& table, const Clock& clock, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> times;
  times.reserve(kBatches);
  std::array<SessionKey, kBatch> keys;
  for (int batch = 0; batch < kBatches; ++batch) {
    for (SessionKey& key : keys)
      key = key_of(table.first + random.below(static_cast<std::uint32_t>(table.sessions)));
    const Instant now = clock.now();
    const auto start = Stopwatch::now();
    for (const SessionKey& key : keys) {
      const auto found = table.ledger->open(key, kCheck, now);
      if (!found.opened) throw std::runtime_error("a session is missing");
      table.ledger->close(found.opened->ref, now);
    }
    times.push_back(seconds_since(start) * 1e9 / kBatch);
  }
  return times;
}

nlohmann::json touch_from(std::size_t threads, const Table& table, const Clock& clock) {
  std::vector<std::vector<double>> times(threads);
  {
    std::vector<std::jthread> all;
    for (std::size_t thread = 0; thread < threads; ++thread) {
      all.emplace_back([&, thread] { times[thread] = touch_often(table, clock, thread + 1); });
    }
  }
  std::vector<double> joined;
  for (const auto& part : times) joined.insert(joined.end(), part.begin(), part.end());
  std::ranges::sort(joined);
  return {{"p50_ns", joined[joined.size() / 2]}, {"p99_ns", joined[joined.size() * 99 / 100]}};
}

double read_count(const Table& table) {
  const balancer::SessionCounts& counts = table.ledger->counts(table.node);
  std::int64_t sum = 0;
  const auto start = Stopwatch::now();
  for (int i = 0; i < kReads; ++i) sum += counts.read().live;
  const double each = seconds_since(start) * 1e9 / kReads;
  if (sum != kReads * table.sessions) throw std::runtime_error("a count is wrong");
  return each;
}

double bytes_on_disk(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw std::runtime_error("cannot check " + path);
  return static_cast<double>(status.st_blocks) * 512;
}

nlohmann::json measure(const Filling& filling) {
  const SystemClock clock;
  const std::int64_t sessions = filling.sessions;
  Table table = open_table(filling, clock);
  nlohmann::json figures{{"sessions", sessions}};
  auto start = Stopwatch::now();
  fill(table, clock.now(), Millis{0});
  figures["begin_ns"] = seconds_since(start) * 1e9 / static_cast<double>(sessions);
  figures["bytes_each"] =
      bytes_on_disk(filling.state_dir + "/ledger") / static_cast<double>(sessions);
  for (const std::size_t threads : {1U, 2U}) {
    figures["touch_from_" + std::to_string(threads)] = touch_from(threads, table, clock);
  }
  figures["count_ns"] = read_count(table);
  start = Stopwatch::now();
  table.ledger.reset();
  figures["flush_s"] = seconds_since(start);
  start = Stopwatch::now();
  table = open_table(filling, clock);
  figures["restore_s"] = seconds_since(start);
  if (table.ledger->counts(table.node).read().live != sessions) {
    throw std::runtime_error("sessions were lost in a restart");
  }
  return figures;
}

/// Leaves a full ledger. `now_ms` is the time of the last click on the monotonic clock.
nlohmann::json prepare(const Filling& filling) {
  const SystemClock clock;
  const Table table = open_table(filling, clock);
  const Instant now = clock.now();
  fill(table, now, Millis{filling.spread_ms});
  return {{"sessions", filling.sessions},
          {"capacity", table.ledger->totals().capacity},
          {"now_ms", now.ms}};
}

}  // namespace
}  // namespace bonedry::bench

int main(int argc, char** argv) {
  using namespace bonedry;
  CLI::App app{"Measures a ledger, or creates a full one. Prints JSON."};
  bench::Filling filling;
  app.add_option("STATE_DIR", filling.state_dir, "an empty directory")->required();
  app.add_option("SESSIONS", filling.sessions)->required()->check(CLI::Range(1, 90'000'000));
  CLI::Option* const leave = app.add_option(
      "--leave", filling.spread_ms, "keep the ledger, with last requests spread over this many ms");
  app.add_option("--first", filling.first, "the number of the first session");
  app.add_option("--secret-file", filling.secret_file, "instead of a secret of its own");
  CLI11_PARSE(app, argc, argv);
  try {
    std::filesystem::create_directories(filling.state_dir);
    std::cout << (*leave ? bench::prepare(filling) : bench::measure(filling)).dump(2) << '\n';
  } catch (const std::exception& error) {
    std::cerr << "bench-ledger: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
