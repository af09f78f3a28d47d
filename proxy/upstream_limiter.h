#pragma once

#include <cstddef>
#include <vector>

namespace bonedry::proxy {

class UpstreamPool;

/// How many connections to nodes one worker has, over all its UpstreamPools, and may have: one for
/// each of its clients, and some idle ones beside. So whoever was accepted finds a descriptor for
/// the way to the node; idle connections to others are closed for it. Worker's thread.
class UpstreamLimiter {
 public:
  /// `idle`: those beside.
  explicit UpstreamLimiter(std::size_t idle) : idle_(idle) {}
  UpstreamLimiter(const UpstreamLimiter&) = delete;
  UpstreamLimiter& operator=(const UpstreamLimiter&) = delete;

  void add(UpstreamPool& pool) { pools_.push_back(&pool); }
  void remove(UpstreamPool& pool) { std::erase(pools_, &pool); }
  void on_opened() { ++open_; }
  void on_closed() { --open_; }
  void set_idle(std::size_t idle) { idle_ = idle; }
  /// The clients that are connected now.
  void set_clients(std::size_t clients) { clients_ = clients; }

  /// Before one more is opened.
  void make_room_for_one() {
    while (open_ >= clients_ + idle_ && close_one()) {
    }
  }
  /// After clients have left. When no connection's call is on the stack.
  void trim() {
    while (open_ > clients_ + idle_ && close_one()) {
    }
  }
  /// Closes an idle one; false when there is none.
  bool close_one();

 private:
  std::size_t idle_;
  std::size_t clients_ = 0;
  std::size_t open_ = 0;
  std::vector<UpstreamPool*> pools_;
};

}  // namespace bonedry::proxy
