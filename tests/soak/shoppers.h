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

/// Sets the handlers of a node: pages of several sizes, and uploads, whose size it returns.
void open_shop(test::FakeNode& node, Journal& journal);

/// All clients of the soak, with one thread and at most one connection each, until they are
/// stopped.
class Shoppers {
 public:
  /// `addresses`: the pool's address for each client.
  Shoppers(std::vector<std::string> addresses, Journal& journal);
  ~Shoppers() { send_home(); }

  void send_home();
  [[nodiscard]] std::size_t count() const { return threads_.size(); }

 private:
  /// One client: its address, and its random numbers.
  struct Self {
    std::string address;
    std::mt19937_64 dice;

    [[nodiscard]] int roll(int least, int most) {
      return std::uniform_int_distribution<int>{least, most}(dice);
    }
  };
  /// A user, and what it remembers.
  struct Customer {
    test::User user;
    std::string node = {};  ///< the node that served it last; "": none yet
    TestTime served = {};   ///< when that was
  };
  using Errand = void (Shoppers::*)(Self&);

  void send_out(std::size_t clients, Errand errand);
  // Each function is one visit, and is called over and over.
  void browse(Self& self);       ///< keeps the cookie, and mostly the connection
  void forget(Self& self);       ///< a new user at every click
  void pipeline(Self& self);     ///< several requests at once
  void read_slowly(Self& self);  ///< a long response in small pieces
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
