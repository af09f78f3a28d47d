#pragma once

#include "tests/soak/journal.h"

#include <random>
#include <string>
#include <vector>

namespace bonedry::soak {

/// The operators, who bleed, activate and reload, and the faults that stop nodes. One action after
/// the other on the caller's thread, so that every pool always has one healthy node.
class Operators {
 public:
  struct Place {
    std::string pool;
    test::FakeNode& node;
  };

  /// `config` is the config of bonedry; `newcomer` joins its first pool now and then.
  Operators(test::BonedryProcess& bonedry, test::TestConfig config, std::vector<Place> places,
            test::FakeNode& newcomer, Journal& journal);

  /// Does one random action and waits until it is complete.
  void do_something();
  [[nodiscard]] const std::map<std::string, std::size_t>& done() const { return done_; }

 private:
  void bleed(const Place& place);
  void bleed_with_deadline(const Place& place);
  void maintain(const Place& place);
  void kill(const Place& place);
  void stop(const Place& place);
  void cut(const Place& place);
  void join_and_leave(const Place& place);

  void order(const std::string& line);
  /// Waits for dryness, and checks that the node gets no requests from then on.
  void wait_dry(const Place& place);
  void wait_until_well(const Place& place);
  [[nodiscard]] bool shows_newcomer() const;
  [[nodiscard]] static std::string name_of(const Place& place) {
    return place.pool + '/' + place.node.name();
  }

  test::BonedryProcess& bonedry_;
  test::TestConfig config_;
  std::vector<Place> places_;
  test::FakeNode& newcomer_;
  Journal& journal_;
  std::mt19937_64 dice_{1};
  std::map<std::string, std::size_t> done_;
};

}  // namespace bonedry::soak
