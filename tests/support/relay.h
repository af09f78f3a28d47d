#pragma once

#include "tests/support/deadline.h"
#include "tests/support/node_server.h"

#include <atomic>
#include <string>

namespace bonedry::test {

/// A way to a server that can be cut, held up and slowed down. Has a port of its own. Thread-safe.
class Relay {
 public:
  explicit Relay(std::string target);  ///< "127.0.0.1:6379"
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] const std::string& address() const { return server_.address(); }

  void cut() { server_.stop(); }    ///< refuses connections, and ends those that are there
  void mend() { server_.start(); }  ///< after `cut`
  /// Takes connections and bytes, and passes nothing on; what is held up arrives once it ends.
  void hold_up() { held_up_ = true; }
  void let_go() { held_up_ = false; }
  /// Everything arrives so much later, in both directions.
  void slow_down(Millis by) { delay_ms_ = by.count(); }

 private:
  void serve(Socket& client);

  const std::string target_;
  std::atomic<bool> held_up_{false};
  std::atomic<Millis::rep> delay_ms_{0};
  std::atomic<bool> ending_{false};
  NodeServer server_;
};

}  // namespace bonedry::test
