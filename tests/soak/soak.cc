// Users, operators and faults at once, for some minutes. At the end no session, exchange or
// descriptor may be left, and the access log and the counters must account for every request.
//
//   soak [--minutes N]      exits with 1 if a check fails

#include "tests/soak/clients.h"
#include "tests/soak/operators.h"
#include "tests/soak/request_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace bonedry::soak {
namespace {

using test::BonedryProcess;
using test::eventually;
using test::FakeNode;
using test::TestClock;
using test::TestConfig;

constexpr unsigned kWorkers = 2;
constexpr std::size_t kSparePipes = 8;  // per worker; each has two descriptors
constexpr std::size_t kMiB = 1024 * 1024;
// ASan keeps freed memory in its quarantine, which would hide a leak: make it small.
constexpr const char* kAsanOptions =
    "ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1:quarantine_size_mb=16:"
    "thread_local_quarantine_size_kb=64";

TestConfig two_pools(const std::vector<Operators::PoolNode>& nodes) {
  TestConfig config;
  config.workers = kWorkers;
  config.timeouts = {"shutdown = \"5s\""};
  config.environment = {kAsanOptions};
  for (const char* name : {"shop", "store"}) {
    test::TestPool pool{
        .name = name,
        .session = {"idle_timeout = \"" + std::to_string(kIdleTimeout.count()) + "ms\""}};
    for (const Operators::PoolNode& target : nodes) {
      if (target.pool == name) pool.nodes.emplace_back(target.node);
    }
    config.pools.push_back(pool);
  }
  config.pools[0].health = {
      "path = \"/healthz\"",     "interval = \"300ms\"", "timeout = \"5s\"", "rise = 1", "fall = 2",
      "passive_hold = \"500ms\""};
  return config;
}

/// The highest resident memory in each quarter of the run, to distinguish growth from a plateau.
class MemoryUse {
 public:
  explicit MemoryUse(Millis duration) : start_(TestClock::now()), duration_(duration) {}

  void sample(const BonedryProcess& bonedry) {
    const auto quarter = static_cast<std::size_t>(4 * test::elapsed_since(start_) / duration_);
    std::size_t& max = max_bytes_[std::min<std::size_t>(quarter, 3)];
    max = std::max(max, bonedry.resident_bytes());
  }
  /// In bytes; `quarter` is 0 to 3.
  [[nodiscard]] std::size_t max_in(std::size_t quarter) const { return max_bytes_[quarter]; }

 private:
  test::TestTime start_;
  Millis duration_;
  std::size_t max_bytes_[4] = {};
};

void print_row(const std::string& label, std::size_t value) {
  std::cout << "  " << std::left << std::setw(50) << label << std::right << std::setw(10) << value
            << '\n';
}

class Soak {
 public:
  explicit Soak(Millis duration) : duration_(duration), memory_(duration) {}

  /// Returns whether all checks passed.
  [[nodiscard]] bool run() {
    for (FakeNode* node : {&alice_, &bob_, &carol_, &dave_, &erin_}) install_handlers(*node, log_);
    const std::size_t sockets = bonedry_.open_descriptors("socket");
    const std::size_t others = bonedry_.open_descriptors() - sockets;
    run_load();
    check_leaks(sockets, others);
    bonedry_.stop();
    check_requests();
    return log_.failures() == 0;
  }

 private:
  void run_load() {
    Clients clients{{bonedry_.address("shop"), bonedry_.address("store")}, log_};
    std::cout << clients.count() << " clients, 4 nodes in 2 pools, " << kWorkers << " workers, "
              << duration_.count() / 1000 << " s" << std::endl;
    const test::TestTime start = TestClock::now();
    Millis last_report{0};
    while (test::elapsed_since(start) < duration_) {
      operators_.run_random_action();
      memory_.sample(bonedry_);
      if (test::elapsed_since(start) - last_report < std::chrono::seconds{30}) continue;
      last_report = test::elapsed_since(start);
      std::cout << std::setw(5) << last_report.count() / 1000 << " s: " << log_.requests()
                << " requests, " << bonedry_.resident_bytes() / kMiB << " MiB, "
                << bonedry_.open_descriptors() << " descriptors, " << log_.failures() << " failures"
                << std::endl;
    }
  }

  void expect(bool holds, const std::string& what) {
    if (!holds) log_.report_failure(what);
  }

  void check_leaks(std::size_t sockets, std::size_t others) {
    const bool idle = eventually([this] {
      return std::all_of(nodes_.begin(), nodes_.end(), [this](const Operators::PoolNode& target) {
        const test::NodeView view = bonedry_.node(target.node.name(), target.pool);
        return view.exchanges_open == 0 && view.sessions() == 0;
      });
    });
    expect(idle, "open exchanges or sessions remain: " + bonedry_.admin("status"));
    for (const Operators::PoolNode& target : nodes_) target.node.drop_connections();
    expect(eventually([&] { return bonedry_.open_descriptors("socket") <= sockets; }),
           std::to_string(bonedry_.open_descriptors("socket")) + " sockets, but " +
               std::to_string(sockets) + " at the start");
    other_descriptors_ = bonedry_.open_descriptors() - bonedry_.open_descriptors("socket");
    expect(other_descriptors_ <= others + kWorkers * kSparePipes * 2,
           std::to_string(other_descriptors_) + " other descriptors, but " +
               std::to_string(others) + " at the start");
    expect(memory_.max_in(3) <= memory_.max_in(0) + memory_.max_in(0) / 4 + 16 * kMiB,
           "memory grows: " + std::to_string(memory_.max_in(0) / kMiB) + " MiB at the start, " +
               std::to_string(memory_.max_in(3) / kMiB) + " at the end");
    for (const Operators::PoolNode& target : nodes_) {
      const test::NodeView view = bonedry_.node(target.node.name(), target.pool);
      counters_["moved"] += view.moved;
      counters_["rescued"] += view.rescued;
      counters_["late"] += view.late;
    }
  }

  /// Checks that log and counters account for every request, and prints the totals.
  void check_requests() {
    const RequestLog::Totals totals = log_.check_access_log(bonedry_.out(), erin_.name());
    std::cout << '\n';
    print_row("requests", totals.requests);
    print_row("answered completely", totals.complete);
    print_row("failed because of a faulty node", totals.failed);
    print_row("aborted by their clients", totals.aborted);
    print_row("lines in the access log", totals.log_lines);
    for (const auto& [action, count] : operators_.action_counts()) print_row(action, count);
    for (const auto& [verdict, count] : counters_) {
      print_row("sessions " + verdict, static_cast<std::size_t>(count));
      // A late session whose new node then failed to respond is logged as rescued.
      const std::int64_t min = at(totals.verdicts_completed, verdict);
      const std::int64_t max =
          at(totals.verdicts, verdict) + (verdict == "late" ? at(totals.verdicts, "rescued") : 0);
      expect(min <= count && count <= max, verdict + " is counted " + std::to_string(count) +
                                               " times, but logged " + std::to_string(min) +
                                               " to " + std::to_string(max) + " times");
    }
    print_row("memory in the first quarter, MiB", memory_.max_in(0) / kMiB);
    print_row("memory in the last quarter, MiB", memory_.max_in(3) / kMiB);
    print_row("open descriptors other than sockets", other_descriptors_);
    print_row("failures", log_.failures());
  }

  static std::int64_t at(const std::map<std::string, std::int64_t>& counts,
                         const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  Millis duration_;
  RequestLog log_;
  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  FakeNode carol_{"carol"};
  FakeNode dave_{"dave"};
  FakeNode erin_{"erin"};
  std::vector<Operators::PoolNode> nodes_{
      {"shop", alice_}, {"shop", bob_}, {"store", carol_}, {"store", dave_}};
  BonedryProcess bonedry_{two_pools(nodes_)};
  Operators operators_{bonedry_, two_pools(nodes_), nodes_, erin_, log_};
  MemoryUse memory_;
  std::map<std::string, std::int64_t> counters_;
  std::size_t other_descriptors_ = 0;
};

}  // namespace
}  // namespace bonedry::soak

int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  int minutes = 10;
  if (count == 3 && std::string{arguments[1]} == "--minutes") minutes = std::atoi(arguments[2]);
  if (minutes < 1 || (count != 1 && count != 3)) {
    std::cerr << "usage: soak [--minutes N]\n";
    return 2;
  }
  try {
    bool passed = bonedry::soak::Soak{std::chrono::minutes{minutes}}.run();
    // BonedryProcess reports a wrong exit code or a sanitizer report as a failure of GoogleTest.
    passed = passed && !testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed();
    std::cout << (passed ? "PASSED\n" : "FAILED\n");
    return passed ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "soak: " << error.what() << '\n';
    return 1;
  }
}
