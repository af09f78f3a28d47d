#pragma once

#include "proxy/handover.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/fd_channel.h"
#include "proxy/io/read_watcher.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::proxy {

/// The process that this one takes over from. Main thread.
class Predecessor final : private io::ReadWatcher::Handler {
 public:
  /// Shows itself, and takes what the other one gives away: waits until it has said all.
  [[nodiscard]] static Result<std::unique_ptr<Predecessor>> connect(UniqueFd line);
  /// Says why this process ends, having taken nothing.
  static void decline(UniqueFd line, const std::string& why) {
    Predecessor(std::move(line)).give_up(why);
  }

  /// The lock of the state directory.
  [[nodiscard]] UniqueFd take_lock() { return std::move(lock_); }
  [[nodiscard]] const std::string& admin_path() const { return admin_path_; }
  /// Of the nodes that it checks.
  [[nodiscard]] const std::vector<handover::NodeHealth>& health() const { return health_; }
  /// The sockets of the first listener of this address that are still here.
  [[nodiscard]] std::vector<UniqueFd> take_sockets(const std::string& address);

  /// Makes it route by `routing_state`, and waits until it does.
  [[nodiscard]] Result<> sync_routing_state(const handover::RoutingState& routing_state);
  /// This process ends. For the operator who asks the other one.
  void give_up(const std::string& why);
  /// This process accepts clients now. `on_gone` is called once, when the other one has ended, or
  /// if it has already; never from inside this call.
  void replace(io::EventLoop& loop, std::function<void()> on_gone);
  /// The same as `sync_routing_state` after `replace`, without waiting: calls `followed` when it
  /// does, or when it is gone and routes nobody; never from inside this call.
  void send_routing_state(const handover::RoutingState& routing_state,
                          std::function<void()> followed);

  [[nodiscard]] pid_t pid() const { return channel_.maker(); }
  /// Whether it does not do yet what it was told last.
  [[nodiscard]] bool is_lagging() const { return !waiting_.empty(); }
  [[nodiscard]] bool is_gone() const { return gone_ == Exited::yes; }

 private:
  struct Socket {
    std::size_t listener;
    std::string address;
    UniqueFd fd;
  };
  enum class Exited : std::uint8_t { no, yes };

  explicit Predecessor(UniqueFd line) : channel_(std::move(line)) {}
  [[nodiscard]] Result<> take(io::FdChannel::Message& message);
  void on_readable() override;
  void lose();
  void ask();
  void retry_later(const std::string& why);
  void on_followed(std::uint64_t number);

  io::FdChannel channel_;
  UniqueFd lock_;
  std::string admin_path_;
  std::vector<handover::NodeHealth> health_;
  std::deque<Socket> sockets_;
  std::optional<io::ReadWatcher> watcher_;
  struct PendingSync {
    std::uint64_t number;
    std::function<void()> followed;
  };
  std::deque<PendingSync> waiting_;       // by number; an answer is one to all before it, too
  handover::RoutingState latest_state_;   // that it is to follow
  std::uint64_t number_ = 0;              // of that one
  std::uint64_t in_flight_ = 0;           // the question that has no answer yet; 0: none
  std::optional<io::Timer> retry_timer_;  // after one that it could not follow
  std::string logged_error_;              // that was logged, until a question gets through
  std::function<void()> on_gone_;
  Exited gone_ = Exited::no;
};

}  // namespace bonedry::proxy
