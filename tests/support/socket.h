#pragma once

#include "tests/support/deadline.h"
#include "tests/support/tls.h"

#include <cstddef>
#include <cstdint>
#include <memory>
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
/// The peer sent a FIN without a close_notify: somebody may have cut the connection.
struct TruncatedTls : UnexpectedEnd {
  using UnexpectedEnd::UnexpectedEnd;
};

class TlsStream;

/// A connected stream socket whose calls block, but never past a deadline. For one thread at a
/// time, except `shut_down` and `abort`, which another thread may call to wake it. It may begin to
/// speak TLS at any time; then every call means what it meant without.
class Socket {
 public:
  Socket();
  explicit Socket(int fd);  ///< takes over a connected socket
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  /// `address` is of the form "127.0.0.1:8080".
  [[nodiscard]] static Socket connect_tcp(const std::string& address, Millis deadline = kDeadline);
  [[nodiscard]] static Socket connect_unix(const std::string& path, Millis deadline = kDeadline);

  /// Speaks TLS from now on, as the client or as the server. Throw SocketError with OpenSSL's text
  /// when one of the sides refuses, UnexpectedEnd when the peer closes. With TLS 1.3 a client has
  /// finished its handshake before the server checks its certificate: a refusal of it is thrown by
  /// the next `receive`.
  void start_tls(const TlsClient& client, Millis deadline = kDeadline);
  void accept_tls(const TlsServer& server, Millis deadline = kDeadline);
  /// The same with settings that several connections share, so that they can resume sessions.
  void accept_tls(const TlsContext& server, Millis deadline = kDeadline);

  void send_all(std::string_view bytes, Millis deadline = kDeadline);
  /// Sends what fits into the kernel's buffer now; returns 0 when it is full. With TLS the end of
  /// the last record may wait for the next call of any kind.
  [[nodiscard]] std::size_t send_now(std::string_view bytes);
  /// Waits for bytes. Returns 0 when the peer has finished, with TLS by a close_notify. Throws
  /// TruncatedTls when it has ended without one.
  [[nodiscard]] std::size_t receive(char* buffer, std::size_t size, Millis deadline = kDeadline);
  /// Reads everything until the peer has finished.
  [[nodiscard]] std::string receive_all(Millis deadline = kDeadline);
  /// True when, within the deadline, there is something to read or the peer has closed.
  [[nodiscard]] bool wait_readable(Millis deadline) const;
  [[nodiscard]] bool wait_writable(Millis deadline) const;

  void finish_sending();  ///< sends a FIN, with TLS a close_notify before; reading still works
  void cut();             ///< sends a FIN, never a close_notify; reading still works
  void shut_down();       ///< cuts both directions; wakes the thread that waits
  void reset();           ///< closes with a RST
  void reset_at_close();  ///< the next `close` is a `reset`
  void abort();           ///< sends a RST but keeps the descriptor; wakes the thread that waits
  void close();           ///< with TLS it sends a close_notify, if there is room for it
  void limit_receive_buffer(int bytes);
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

  // What the handshake agreed on; empty without TLS.
  [[nodiscard]] std::string tls_version() const;  ///< such as "TLSv1.3"
  [[nodiscard]] std::string cipher() const;       ///< such as "TLS_AES_128_GCM_SHA256"
  [[nodiscard]] std::string alpn() const;
  [[nodiscard]] std::string server_name() const;       ///< the SNI
  [[nodiscard]] std::string peer_certificate() const;  ///< PEM
  [[nodiscard]] bool session_reused() const;
  /// The latest session that the server has given this client; null when there is none yet. With
  /// TLS 1.3 it comes after the handshake: read a response before.
  [[nodiscard]] TlsSession take_session() const;

 private:
  int fd_ = -1;
  std::unique_ptr<TlsStream> tls_;  // null without TLS
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
