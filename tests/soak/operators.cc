#include "tests/soak/operators.h"

#include <array>
#include <map>
#include <string>
#include <thread>
#include <utility>

namespace bonedry::soak {
namespace {

using std::chrono::seconds;
using test::eventually;
using test::TestClock;

const Millis kLongest = test::scaled(seconds{20});

void let_time_pass(Millis time) {
  std::this_thread::sleep_for(time);  // lets other threads act meanwhile
}

/// The number of requests by shoppers that a node got, by path. One consistent snapshot: a health
/// check between two reads must not count as a shopper.
std::map<std::string, std::size_t, std::less<>> shoppers_requests(const test::FakeNode& node) {
  auto counts = node.counts();
  counts.erase("/healthz");
  return counts;
}

}  // namespace

Operators::Operators(test::BonedryProcess& bonedry, test::TestConfig config,
                     std::vector<Place> places, test::FakeNode& newcomer, Journal& journal)
    : bonedry_(bonedry),
      config_(std::move(config)),
      places_(std::move(places)),
      newcomer_(newcomer),
      journal_(journal) {}

void Operators::do_something() {
  struct Deed {
    const char* name;
    void (Operators::*deed)(const Place&);
  };
  static constexpr std::array<Deed, 7> kDeeds{{
      {"bleeds until dry", &Operators::bleed},
      {"bleeds with a deadline", &Operators::bleed_with_deadline},
      {"forced maintenances", &Operators::maintain},
      {"nodes killed", &Operators::kill},
      {"nodes stopped", &Operators::stop},
      {"nodes disconnected", &Operators::cut},
      {"nodes added and removed", &Operators::join_and_leave},
  }};
  const Deed& chosen = kDeeds[dice_() % kDeeds.size()];
  const Place& place = places_[dice_() % places_.size()];
  (this->*chosen.deed)(place);
  ++done_[chosen.name];
  wait_until_well(place);
}

void Operators::order(const std::string& line) {
  const std::string answer = bonedry_.admin(line);
  if (answer.starts_with("error: ")) journal_.complain(line + " got " + answer);
}

void Operators::wait_dry(const Place& place) {
  const std::string answer = bonedry_.admin(
      "wait " + name_of(place) + " --timeout " + std::to_string(kLongest.count()) + "ms",
      kLongest * 2);
  if (!answer.starts_with("dry")) return journal_.complain(name_of(place) + ": " + answer);
  const auto before = shoppers_requests(place.node);
  let_time_pass(seconds{1});
  for (const auto& [path, count] : shoppers_requests(place.node)) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == count) continue;
    journal_.complain(name_of(place) + " was reported dry, but received a request for " + path);
  }
}

void Operators::wait_until_well(const Place& place) {
  const bool well = eventually(
      [&] {
        const test::NodeView view = bonedry_.node(place.node.name(), place.pool);
        return view.state == "active" && view.health != "down";
      },
      kLongest);
  if (!well) journal_.complain(name_of(place) + " did not recover");
}

void Operators::bleed(const Place& place) {
  order("bleed " + name_of(place) + " --force");
  wait_dry(place);
  order("maintain " + name_of(place));
  order("activate " + name_of(place));
}

void Operators::bleed_with_deadline(const Place& place) {
  order("bleed " + name_of(place) + " --deadline 500ms --force");
  wait_dry(place);
  order("activate " + name_of(place));
}

void Operators::maintain(const Place& place) {
  order("maintain " + name_of(place) + " --force");
  wait_dry(place);
  order("activate " + name_of(place));
}

void Operators::kill(const Place& place) {
  const test::TestTime from = TestClock::now();
  place.node.die();
  let_time_pass(seconds{1});
  place.node.start();
  journal_.out_of_order(place.node.name(), from, TestClock::now());
}

void Operators::stop(const Place& place) {
  const test::TestTime from = TestClock::now();
  place.node.stop();
  let_time_pass(Millis{200});
  place.node.start();
  journal_.out_of_order(place.node.name(), from, TestClock::now());
}

void Operators::cut(const Place& place) {
  const test::TestTime from = TestClock::now();
  place.node.drop_connections();
  journal_.out_of_order(place.node.name(), from, TestClock::now());
}

void Operators::join_and_leave(const Place& place) {
  test::TestConfig wider = config_;
  wider.pools[0].nodes.emplace_back(newcomer_);
  bonedry_.configure(wider);
  order("reload");
  let_time_pass(seconds{2});
  bonedry_.configure(config_);
  order("reload");
  if (!eventually([this] { return !shows_newcomer(); }, kLongest)) {
    journal_.complain(newcomer_.name() + " was not removed");
  }
  (void)place;
}

bool Operators::shows_newcomer() const {
  const nlohmann::json status = bonedry_.status();
  for (const nlohmann::json& node : status.at("pools").at(0).at("nodes")) {
    if (node.at("name") == newcomer_.name()) return true;
  }
  return false;
}

}  // namespace bonedry::soak
