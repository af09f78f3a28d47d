#pragma once

#include "tests/soak/journal.h"
#include "tests/support/http_client.h"

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::soak {

/// What a node answers to: pages of several sizes, and uploads, whose size it tells.
void open_shop(test::FakeNode& node, Journal& journal);

/// All clients of the soak, a thread and at most one connection each, until they are sent home.
class Shoppers {
 public:
  /// `addresses`: of the pools, for each client one.
  Shoppers(std::vector<std::string> addresses, Journal& journal);
  ~Shoppers() { send_home(); }

  void send_home();
  [[nodiscard]] std::size_t count() const { return threads_.size(); }

 private:
  /// One client: where it shops, and its dice.
  struct Self {
    std::string address;
    std::mt19937_64 dice;

    [[nodiscard]] int roll(int least, int most) {
      return std::uniform_int_distribution<int>{least, most}(dice);
    }
  };
  /// A user, and what they remember.
  struct Customer {
    test::User user;
    std::string node = {};  ///< where they were served last; "": nowhere yet
    TestTime served = {};   ///< until when
  };
  using Errand = void (Shoppers::*)(Self&);

  void send_out(std::size_t clients, Errand errand);
  // Each is one visit; it is made over and over.
  void browse(Self& self);       ///< keeps the cookie, and the connection most of the time
  void forget(Self& self);       ///< a new user at every click
  void pipeline(Self& self);     ///< several requests at once
  void read_slowly(Self& self);  ///< a long answer in small pieces
  void go_within_request(Self& self);
  void go_within_answer(Self& self);

  [[nodiscard]] test::Request request_for(Self& self, std::string_view path, Journal::Id& id);
  void click(Self& self, Customer& customer);
  void pause(int most_ms);

  std::vector<std::string> addresses_;
  Journal& journal_;
  test::Gate home_;
  std::vector<std::thread> threads_;
};

}  // namespace bonedry::soak
