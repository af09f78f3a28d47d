#pragma once

#include "tests/support/deadline.h"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bonedry::test {

/// A socket operation of the test failed.
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
/// The peer closed the connection before the expected end.
struct UnexpectedEnd : SocketError {
  using SocketError::SocketError;
};

/// A connected stream socket whose calls block, but never past a deadline. For one thread at a
/// time, except `shut_down` and `abort`, which another thread may call to wake it.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd);  ///< takes over a connected socket
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;

  /// `address` is of the form "127.0.0.1:8080".
  [[nodiscard]] static Socket connect_tcp(const std::string& address, Millis deadline = kDeadline);
  [[nodiscard]] static Socket connect_unix(const std::string& path, Millis deadline = kDeadline);

  void send_all(std::string_view bytes, Millis deadline = kDeadline);
  /// Sends what fits into the kernel's buffer now; returns 0 when it is full.
  [[nodiscard]] std::size_t send_now(std::string_view bytes);
  /// Waits for bytes. Returns 0 when the peer has finished.
  [[nodiscard]] std::size_t receive(char* buffer, std::size_t size, Millis deadline = kDeadline);
  /// Reads everything until the peer has finished.
  [[nodiscard]] std::string receive_all(Millis deadline = kDeadline);
  /// True when, within the deadline, there is something to read or the peer has closed.
  [[nodiscard]] bool wait_readable(Millis deadline) const;
  [[nodiscard]] bool wait_writable(Millis deadline) const;

  void finish_sending();  ///< sends a FIN; reading still works
  void shut_down();       ///< both directions; wakes the thread that waits
  void reset();           ///< closes with a RST
  void abort();           ///< sends a RST but keeps the descriptor; wakes the thread that waits
  void close();
  void limit_receive_buffer(int bytes);
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

/// A listening TCP socket on a port of 127.0.0.1 that stays reserved while nothing listens there,
/// so that a node can be gone (connection refused) and return at the same address.
class ListeningPort {
 public:
  ListeningPort();
  ~ListeningPort();
  ListeningPort(const ListeningPort&) = delete;
  ListeningPort& operator=(const ListeningPort&) = delete;

  void open(int backlog = 512);
  /// Refuses connections from now on and wakes the thread in `accept`; `close` must still be
  /// called.
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

/// A port that completes no connection: its queue is full and nothing accepts.
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
