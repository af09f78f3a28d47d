// Some minutes of everything at once; then nothing may be left, lost or unexplained.
//
//   soak [--minutes N]      exits with 1 if anything is wrong

#include "tests/soak/operators.h"
#include "tests/soak/shoppers.h"

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
// ASan keeps freed memory in its quarantine; a small quarantine leaves leaks visible.
constexpr const char* kAsanOptions =
    "ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1:quarantine_size_mb=16:"
    "thread_local_quarantine_size_kb=64";

TestConfig two_pools(const std::vector<Operators::Place>& places) {
  TestConfig config;
  config.workers = kWorkers;
  config.timeouts = {"shutdown = \"5s\""};
  config.environment = {kAsanOptions};
  for (const char* name : {"shop", "store"}) {
    test::TestPool pool{
        .name = name,
        .session = {"idle_timeout = \"" + std::to_string(kIdleTimeout.count()) + "ms\""}};
    for (const Operators::Place& place : places) {
      if (place.pool == name) pool.nodes.emplace_back(place.node);
    }
    config.pools.push_back(pool);
  }
  config.pools[0].health = {
      "path = \"/healthz\"",     "interval = \"300ms\"", "timeout = \"5s\"", "rise = 1", "fall = 2",
      "passive_hold = \"500ms\""};
  return config;
}

/// The highest resident memory in each quarter of the run, to distinguish growth from a plateau.
class Memory {
 public:
  explicit Memory(Millis duration) : start_(TestClock::now()), duration_(duration) {}

  void look(const BonedryProcess& bonedry) {
    const auto quarter = static_cast<std::size_t>(4 * test::elapsed_since(start_) / duration_);
    std::size_t& most = most_[std::min<std::size_t>(quarter, 3)];
    most = std::max(most, bonedry.resident_bytes());
  }
  [[nodiscard]] std::size_t quarter(std::size_t number) const { return most_[number]; }

 private:
  test::TestTime start_;
  Millis duration_;
  std::size_t most_[4] = {};
};

void tell(const std::string& what, std::size_t figure) {
  std::cout << "  " << std::left << std::setw(50) << what << std::right << std::setw(10) << figure
            << '\n';
}

class Soak {
 public:
  explicit Soak(Millis duration) : duration_(duration), memory_(duration) {}

  /// Returns whether all checks passed.
  [[nodiscard]] bool run() {
    for (FakeNode* node : {&alice_, &bob_, &carol_, &dave_, &erin_}) open_shop(*node, journal_);
    const std::size_t sockets = bonedry_.open_descriptors("socket");
    const std::size_t others = bonedry_.open_descriptors() - sockets;
    live();
    expect_nothing_left(sockets, others);
    bonedry_.stop();
    judge();
    return journal_.complaints() == 0;
  }

 private:
  void live() {
    Shoppers shoppers{{bonedry_.address("shop"), bonedry_.address("store")}, journal_};
    std::cout << shoppers.count() << " clients, 4 nodes in 2 pools, " << kWorkers << " workers, "
              << duration_.count() / 1000 << " s" << std::endl;
    const test::TestTime start = TestClock::now();
    Millis told{0};
    while (test::elapsed_since(start) < duration_) {
      operators_.do_something();
      memory_.look(bonedry_);
      if (test::elapsed_since(start) - told < std::chrono::seconds{30}) continue;
      told = test::elapsed_since(start);
      std::cout << std::setw(5) << told.count() / 1000 << " s: " << journal_.requests()
                << " requests, " << bonedry_.resident_bytes() / kMiB << " MiB, "
                << bonedry_.open_descriptors() << " descriptors, " << journal_.complaints()
                << " failures" << std::endl;
    }
  }

  void expect(bool right, const std::string& what) {
    if (!right) journal_.complain(what);
  }

  void expect_nothing_left(std::size_t sockets, std::size_t others) {
    const bool ended = eventually([this] {
      return std::all_of(places_.begin(), places_.end(), [this](const Operators::Place& place) {
        const test::NodeView view = bonedry_.node(place.node.name(), place.pool);
        return view.exchanges_open == 0 && view.sessions() == 0;
      });
    });
    expect(ended, "open exchanges or sessions remain: " + bonedry_.admin("status"));
    for (const Operators::Place& place : places_) place.node.drop_connections();
    expect(eventually([&] { return bonedry_.open_descriptors("socket") <= sockets; }),
           std::to_string(bonedry_.open_descriptors("socket")) + " sockets, but " +
               std::to_string(sockets) + " at the start");
    others_left_ = bonedry_.open_descriptors() - bonedry_.open_descriptors("socket");
    expect(others_left_ <= others + kWorkers * kSparePipes * 2,
           std::to_string(others_left_) + " other descriptors, but " + std::to_string(others) +
               " at the start");
    expect(memory_.quarter(3) <= memory_.quarter(0) + memory_.quarter(0) / 4 + 16 * kMiB,
           "memory grows: " + std::to_string(memory_.quarter(0) / kMiB) + " MiB at the start, " +
               std::to_string(memory_.quarter(3) / kMiB) + " at the end");
    for (const Operators::Place& place : places_) {
      const test::NodeView view = bonedry_.node(place.node.name(), place.pool);
      counted_["moved"] += view.moved;
      counted_["rescued"] += view.rescued;
      counted_["late"] += view.late;
    }
  }

  void judge() {
    const Journal::Figures figures = journal_.settle(bonedry_.out(), erin_.name());
    std::cout << '\n';
    tell("requests", figures.requests);
    tell("answered completely", figures.whole);
    tell("failed because of a faulty node", figures.failed);
    tell("aborted by their clients", figures.abandoned);
    tell("lines in the access log", figures.lines);
    for (const auto& [deed, count] : operators_.done()) tell(deed, count);
    for (const auto& [verdict, count] : counted_) {
      tell("sessions " + verdict, static_cast<std::size_t>(count));
      // A late session whose new node then failed to respond is logged as rescued.
      const std::int64_t least = at(figures.verdicts_done, verdict);
      const std::int64_t most =
          at(figures.verdicts, verdict) + (verdict == "late" ? at(figures.verdicts, "rescued") : 0);
      expect(least <= count && count <= most, verdict + " is counted " + std::to_string(count) +
                                                  " times, but logged " + std::to_string(least) +
                                                  " to " + std::to_string(most) + " times");
    }
    tell("memory in the first quarter, MiB", memory_.quarter(0) / kMiB);
    tell("memory in the last quarter, MiB", memory_.quarter(3) / kMiB);
    tell("open descriptors other than sockets", others_left_);
    tell("failures", journal_.complaints());
  }

  static std::int64_t at(const std::map<std::string, std::int64_t>& counts,
                         const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  Millis duration_;
  Journal journal_;
  FakeNode alice_{"alice"};
  FakeNode bob_{"bob"};
  FakeNode carol_{"carol"};
  FakeNode dave_{"dave"};
  FakeNode erin_{"erin"};
  std::vector<Operators::Place> places_{
      {"shop", alice_}, {"shop", bob_}, {"store", carol_}, {"store", dave_}};
  BonedryProcess bonedry_{two_pools(places_)};
  Operators operators_{bonedry_, two_pools(places_), places_, erin_, journal_};
  Memory memory_;
  std::map<std::string, std::int64_t> counted_;
  std::size_t others_left_ = 0;
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
    bool right = bonedry::soak::Soak{std::chrono::minutes{minutes}}.run();
    // Failures at the end of the program: its exit code, a sanitizer report.
    right = right && !testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed();
    std::cout << (right ? "PASSED\n" : "FAILED\n");
    return right ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "soak: " << error.what() << '\n';
    return 1;
  }
}
