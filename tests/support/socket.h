#pragma once

#include "tests/support/deadline.h"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bonedry::test {

/// Why a socket did not do what the test asked of it.
struct SocketError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ConnectionRefused : SocketError {
  using SocketError::SocketError;
};
struct ConnectionReset : SocketError {
  using SocketError::SocketError;
};
struct TimedOut : SocketError {
  using SocketError::SocketError;
};
/// The peer ended the connection where it should have gone on.
struct UnexpectedEnd : SocketError {
  using SocketError::SocketError;
};

/// A connected stream socket whose calls block, but never past a deadline. One thread at a time,
/// but for `shut_down` and `abort`, which another thread may call to wake it.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd);  ///< takes over a connected socket
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;

  /// To "127.0.0.1:8080".
  [[nodiscard]] static Socket connect_tcp(const std::string& address, Millis deadline = kDeadline);
  [[nodiscard]] static Socket connect_unix(const std::string& path, Millis deadline = kDeadline);

  void send_all(std::string_view bytes, Millis deadline = kDeadline);
  /// Sends what fits into the kernel's buffer now; 0 when it is full.
  [[nodiscard]] std::size_t send_now(std::string_view bytes);
  /// Waits for bytes. 0: the peer has finished.
  [[nodiscard]] std::size_t receive(char* buffer, std::size_t size, Millis deadline = kDeadline);
  /// Everything until the peer has finished.
  [[nodiscard]] std::string receive_all(Millis deadline = kDeadline);
  /// True when there is something to read, or the peer has gone, within the deadline.
  [[nodiscard]] bool wait_readable(Millis deadline) const;
  [[nodiscard]] bool wait_writable(Millis deadline) const;

  void finish_sending();  ///< a FIN to the peer; reading goes on
  void shut_down();       ///< both directions; wakes the thread that waits
  void reset();           ///< a RST to the peer
  void abort();  ///< the same at once, and the descriptor stays; wakes the thread that waits
  void close();
  void limit_receive_buffer(int bytes);
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

/// A listening TCP socket on a port of 127.0.0.1 that stays ours while nothing listens there, so
/// that a node can be gone (connection refused) and come back at the same address.
class ListeningPort {
 public:
  ListeningPort();
  ~ListeningPort();
  ListeningPort(const ListeningPort&) = delete;
  ListeningPort& operator=(const ListeningPort&) = delete;

  void open(int backlog = 512);
  /// Refuses connections from now on and wakes the thread in `accept`; `close` is still due.
  void refuse();
  void close();
  /// The next connection, or a closed socket when the deadline passes or the port refuses.
  [[nodiscard]] Socket accept(Millis deadline);
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  [[nodiscard]] int make_bound_socket() const;

  std::uint16_t port_ = 0;
  std::string address_;
  int holder_ = -1;  ///< bound, never listens
  int listening_ = -1;
};

/// A port that completes no connection: its queue is full and nobody accepts.
class SilentPort {
 public:
  SilentPort();
  [[nodiscard]] const std::string& address() const { return port_.address(); }

 private:
  ListeningPort port_;
  Socket first_;
  Socket second_;
};

}  // namespace bonedry::test
