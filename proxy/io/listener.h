#pragma once

#include "proxy/io/socket.h"

#include <functional>
#include <optional>
#include <string>

namespace bonedry::io {

/// Binds a socket that may share its address with others of this user (SO_REUSEPORT). Clients can
/// connect only after `start_listening`. The error is for the operator.
[[nodiscard]] Result<UniqueFd> bind_to(const SocketAddress& address);
/// Whether nobody listens there. With SO_REUSEPORT a second bonedry would silently share the port,
/// and half of the users would reach a process that nobody watches. `text`: the address for the
/// error.
[[nodiscard]] Result<> check_free(const SocketAddress& address, const std::string& text);
[[nodiscard]] Result<> start_listening(const UniqueFd& fd);
/// The actual port of a listening socket; 0 if it cannot be read.
[[nodiscard]] std::uint16_t bound_port(const UniqueFd& fd);

/// Accepts connections from a listening socket and passes them to `on_accept`. While accepting
/// fails, it pauses and tries again, as long as it exists. Loop's thread.
class Listener final : private FdWatcher::Handler {
 public:
  using OnAccept = std::function<void(UniqueFd, const SocketAddress&)>;
  /// Accepting fails for now (`error`: errno), or works again (0). Each is reported once, the
  /// latter only after it has worked for `kRecoveryTime`.
  using OnAcceptError = std::function<void(int error)>;

  Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept,
           OnAcceptError on_accept_error = nullptr);

  /// Call before destruction: accepts the connections already queued in the kernel, which closing
  /// would reset. At most one full backlog, so that a flood of clients does not delay the end.
  void accept_backlog();

 private:
  /// Connections accepted per loop iteration, so that a rush of new clients does not delay the
  /// connected ones.
  static constexpr int kBatch = 16;
  /// How long to leave clients in the kernel's queue after accepting failed.
  static constexpr Millis kPause{100};
  /// How long accepting must work again before this is reported.
  static constexpr Millis kRecoveryTime{1000};

  /// `failed`: only that one connection; see accept(2).
  enum class AcceptResult : std::uint8_t { one, none, failed, error };

  void on_ready(Ready ready) override;
  void on_watch_failed(int error) override;
  void accept_batch();
  [[nodiscard]] AcceptResult accept_one();
  void pause(int error);
  void note_success();

  UniqueFd fd_;
  FdWatcher watcher_;
  Timer resume_;
  Timer recovery_timer_;
  OnAccept on_accept_;
  OnAcceptError on_accept_error_;
  enum class ErrorState : std::uint8_t { none, reported } error_state_ = ErrorState::none;
  int error_ = 0;  // errno of the last accept that failed
};

}  // namespace bonedry::io
