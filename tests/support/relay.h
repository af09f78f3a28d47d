#pragma once

#include "tests/support/deadline.h"
#include "tests/support/node_server.h"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>

namespace bonedry::test {

/// A way to a server that can be cut, held up, slowed down and made lossy. Has a port of its own.
/// Thread-safe, but for `cut`, `mend` and `lead_to`.
class Relay {
 public:
  explicit Relay(std::string target);  ///< "127.0.0.1:6379"
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] const std::string& address() const { return server_.address(); }
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }  ///< so far

  void cut();   ///< refuses connections, and ends those that are there
  void mend();  ///< after `cut`
  /// Ends the connections that are there; further ones lead to another server.
  void lead_to(const std::string& target);
  /// Takes connections and bytes, and passes nothing on; what is held up arrives once it ends.
  void hold_up() { held_up_ = true; }
  void let_go() { held_up_ = false; }
  /// Everything arrives so much later, in both directions.
  void slow_down(Millis by) { delay_ms_ = by.count(); }
  /// Of so many pieces in a hundred, none arrives, nor anything that its sender sends after it on
  /// this connection. TCP delivers no bytes after a gap: a packet that is lost once is a delay, and
  /// one that never comes through is a peer that is silent from then on, until somebody gives up.
  void lose(unsigned percent) { lost_percent_ = percent; }

 private:
  void serve(Socket& client, std::size_t number);
  [[nodiscard]] std::string target() const;

  mutable std::mutex mutex_;  // guards target_
  std::string target_;
  std::atomic<bool> is_cut_{false};
  std::atomic<bool> held_up_{false};
  std::atomic<Millis::rep> delay_ms_{0};
  std::atomic<unsigned> lost_percent_{0};
  NodeServer server_;
};

}  // namespace bonedry::test
