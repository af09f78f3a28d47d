#pragma once

#include <cstddef>
#include <vector>

namespace bonedry::proxy {

class UpstreamPool;

/// Counts and limits one worker's connections to nodes over all its UpstreamPools: one for each of
/// its clients, plus some idle ones. So every accepted client gets a file descriptor for its
/// connection to a node; idle connections to other nodes are closed for it. Worker's thread.
class UpstreamLimiter {
 public:
  /// `idle`: connections allowed beyond one per client.
  explicit UpstreamLimiter(std::size_t idle) : idle_(idle) {}
  UpstreamLimiter(const UpstreamLimiter&) = delete;
  UpstreamLimiter& operator=(const UpstreamLimiter&) = delete;

  void add(UpstreamPool& pool) { pools_.push_back(&pool); }
  void remove(UpstreamPool& pool) { std::erase(pools_, &pool); }
  void on_opened() { ++open_; }
  void on_closed() { --open_; }
  void set_idle(std::size_t idle) { idle_ = idle; }
  /// Sets the number of clients that are connected now.
  void set_clients(std::size_t clients) { clients_ = clients; }

  /// Call before a connection is opened.
  void make_room_for_one() {
    while (open_ >= clients_ + idle_ && close_one()) {
    }
  }
  /// Call after clients have left, when no connection's call is on the stack.
  void trim() {
    while (open_ > clients_ + idle_ && close_one()) {
    }
  }
  /// Closes an idle connection; false when there is none.
  bool close_one();

 private:
  std::size_t idle_;
  std::size_t clients_ = 0;
  std::size_t open_ = 0;
  std::vector<UpstreamPool*> pools_;
};

}  // namespace bonedry::proxy
