#pragma once

#include "tests/soak/request_log.h"
#include "tests/support/user.h"

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bonedry::soak {

/// Sets the handlers of a node: pages of several sizes, and uploads, whose size it returns.
void install_handlers(test::FakeNode& node, RequestLog& log);

/// All clients of the soak. They have one thread and at most one connection each, and send requests
/// from the construction of this object until `stop`.
class Clients {
 public:
  /// `addresses`: of the pools' listeners; the clients are distributed over them.
  Clients(std::vector<std::string> addresses, RequestLog& log);
  ~Clients() { stop(); }

  void stop();
  [[nodiscard]] std::size_t count() const { return threads_.size(); }

 private:
  /// One client; only its own thread uses it.
  struct Client {
    std::string address;
    std::mt19937_64 random;

    /// Both ends included.
    [[nodiscard]] int between(int min, int max) {
      return std::uniform_int_distribution<int>{min, max}(random);
    }
  };
  /// A user, and the node that served it last.
  struct TrackedUser {
    test::User user;
    std::string last_node = {};  ///< "": none yet
    TestTime last_served = {};
  };
  using Behavior = void (Clients::*)(Client&);

  void start(std::size_t count, Behavior behavior);
  // The behaviors: a client calls its own one over and over.
  void browse(Client& client);           ///< keeps the cookie, and mostly the connection
  void discard_cookies(Client& client);  ///< each request is of a new user
  void pipeline(Client& client);         ///< several requests at once
  void read_slowly(Client& client);      ///< a long response in small pieces
  void disconnect_in_request(Client& client);
  void disconnect_in_response(Client& client);

  /// Makes a request and adds it to the log; `id` is its number there.
  [[nodiscard]] test::Request make_request(Client& client, std::string_view path,
                                           RequestLog::Id& id);
  void click(Client& client, TrackedUser& tracked);
  /// Returns early when the clients are stopped.
  void pause(int ms);

  std::vector<std::string> addresses_;
  RequestLog& log_;
  test::Gate stop_;
  std::vector<std::thread> threads_;
};

}  // namespace bonedry::soak
