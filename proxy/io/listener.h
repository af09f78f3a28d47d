#pragma once

#include "proxy/io/socket.h"

#include <functional>
#include <optional>
#include <string>

namespace bonedry::io {

/// Makes a socket that may share its address with others of this user (SO_REUSEPORT). Clients come
/// to it once `start_listening` is called. The error is for the operator.
[[nodiscard]] Result<UniqueFd> bind_to(const SocketAddress& address);
[[nodiscard]] Result<> start_listening(const UniqueFd& fd);
/// The port that a listening socket really has.
[[nodiscard]] std::uint16_t bound_port(const UniqueFd& fd);

/// Takes connections from a listening socket and hands them on. While none can be taken it pauses
/// and tries again, for as long as it lives. Loop's thread.
class Listener final : private FdWatcher::Handler {
 public:
  using OnAccept = std::function<void(UniqueFd, const SocketAddress&)>;
  /// No connection can be taken for now (errno), or they can again (0). Each is told once, and the
  /// latter only when it has lasted.
  using OnAcceptError = std::function<void(int error)>;

  Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept, OnAcceptError on_trouble = nullptr);

  /// Before it goes: takes those who wait in the kernel already, whom closing would reset. At most
  /// a whole queue, so that a flood does not hold up the end.
  void accept_backlog();

 private:
  /// So many a round, so that a rush of clients does not hold up those who are in already.
  static constexpr int kBatch = 16;
  /// How long to leave clients in the queue when none can be taken.
  static constexpr Millis kPause{100};
  /// How long they can be taken before that is worth a word.
  static constexpr Millis kRecoveryTime{1000};

  /// `failed`: that connection alone; see accept(2).
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
  OnAcceptError on_trouble_;
  enum class ErrorState : std::uint8_t { none, told } trouble_ = ErrorState::none;
  int error_ = 0;  // of the last accept that failed
};

}  // namespace bonedry::io
