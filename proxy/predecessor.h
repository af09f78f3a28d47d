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
  [[nodiscard]] static Result<std::unique_ptr<Predecessor>> meet(UniqueFd line);
  /// Says why this process ends, having taken nothing.
  static void decline(UniqueFd line, const std::string& why) {
    Predecessor(std::move(line)).give_up(why);
  }

  /// The lock of the state directory.
  [[nodiscard]] UniqueFd take_lock() { return std::move(lock_); }
  [[nodiscard]] const std::string& admin_path() const { return admin_path_; }
  /// Of the nodes that it checks.
  [[nodiscard]] const std::vector<handover::Measured>& health() const { return health_; }
  /// The sockets of the first listener of this address that are still here.
  [[nodiscard]] std::vector<UniqueFd> take_sockets(const std::string& address);

  /// Makes it route by `guidance`, and waits until it does.
  [[nodiscard]] Outcome lead_at_first(const handover::Guidance& guidance);
  /// This process ends. For the operator who asks the other one.
  void give_up(const std::string& why);
  /// This process accepts clients now. `on_gone` is called once, when the other one has ended, or
  /// if it has already; never from inside this call.
  void replace(io::EventLoop& loop, std::function<void()> on_gone);
  /// The same as `lead_at_first` after `replace`, without waiting: calls `followed` when it does,
  /// or when it is gone and routes nobody; never from inside this call.
  void lead(const handover::Guidance& guidance, std::function<void()> followed);

  [[nodiscard]] pid_t pid() const { return channel_.maker(); }
  /// Whether it does not do yet what it was told last.
  [[nodiscard]] bool is_behind() const { return !waiting_.empty(); }
  [[nodiscard]] bool is_gone() const { return gone_ == Gone::yes; }

 private:
  struct Socket {
    std::size_t listener;
    std::string address;
    UniqueFd fd;
  };
  enum class Gone : std::uint8_t { no, yes };

  explicit Predecessor(UniqueFd line) : channel_(std::move(line)) {}
  [[nodiscard]] Outcome take(io::FdChannel::Message& message);
  void on_readable() override;
  void lose();
  void ask();
  void ask_again(const std::string& why);
  void on_followed(std::uint64_t number);

  io::FdChannel channel_;
  UniqueFd lock_;
  std::string admin_path_;
  std::vector<handover::Measured> health_;
  std::deque<Socket> sockets_;
  std::optional<io::ReadWatcher> watcher_;
  struct Asked {
    std::uint64_t number;
    std::function<void()> followed;
  };
  std::deque<Asked> waiting_;       // by number; an answer is one to all before it, too
  handover::Guidance newest_;       // that it is to follow
  std::uint64_t number_ = 0;        // of that one
  std::uint64_t under_way_ = 0;     // the question that has no answer yet; 0: none
  std::optional<io::Timer> again_;  // after one that it could not follow
  std::string trouble_;             // that was logged, until a question gets through
  std::function<void()> on_gone_;
  Gone gone_ = Gone::no;
};

}  // namespace bonedry::proxy
