#pragma once

#include "proxy/io/socket.h"

#include <functional>
#include <optional>
#include <string>

namespace bonedry::io {

/// Makes a socket that may share its address with others of this user (SO_REUSEPORT). Clients come
/// to it once `start_listening` is called. The error is for the operator.
[[nodiscard]] Result<UniqueFd> bind_to(const SocketAddress& address);
[[nodiscard]] Outcome start_listening(const UniqueFd& fd);
/// The port that a listening socket really has.
[[nodiscard]] std::uint16_t bound_port(const UniqueFd& fd);

/// Takes connections from a listening socket and hands them on. Owned by a worker.
class Listener final : private FdWatcher::Handler {
 public:
  using OnAccept = std::function<void(UniqueFd, const SocketAddress&)>;

  Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept);

  /// Before it goes: takes those who wait in the kernel already, whom closing would reset. At most
  /// a whole queue, so that a flood does not hold up the end.
  void accept_waiting();

 private:
  /// So many a round, so that a rush of clients does not hold up those who are in already.
  static constexpr int kBatch = 16;
  /// How long to leave clients in the queue when the process has no descriptor left for them.
  static constexpr Millis kPause{100};

  enum class Taken : std::uint8_t { one, none, no_descriptor };

  void on_ready(Ready ready) override;
  [[nodiscard]] Taken take_one();

  EventLoop& loop_;
  UniqueFd fd_;
  FdWatcher watcher_;
  Timer resume_;
  OnAccept on_accept_;
};

}  // namespace bonedry::io
