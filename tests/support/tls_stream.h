#pragma once

#include "tests/support/deadline.h"
#include "tests/support/tls.h"

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::test {

/// The TLS of a Socket, which owns it, on a descriptor that does not block. For one thread at a
/// time. What it cannot send at once it keeps, at most one record: every later call sends more of
/// it. Once the connection has failed, every call that reads or sends throws the same again.
class TlsStream {
 public:
  TlsStream(int fd, TlsContext context);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// The handshakes. Throw SocketError with OpenSSL's text when one of the sides refuses,
  /// UnexpectedEnd when the peer closes, TimedOut.
  void connect(const TlsClient& client, TestTime until);
  void accept(TestTime until);

  // As in Socket.
  void send_all(std::string_view bytes, TestTime until);
  [[nodiscard]] std::size_t send_now(std::string_view bytes);
  [[nodiscard]] std::size_t receive(char* buffer, std::size_t size, TestTime until);
  [[nodiscard]] bool wait_readable(TestTime until);
  [[nodiscard]] bool wait_writable(TestTime until);

  /// Sends a close_notify after everything else; the FIN is the caller's to send.
  void finish_sending(TestTime until);
  /// Sends what the kernel's buffer takes of a close_notify, before the descriptor is closed.
  void close() noexcept;
  /// From now on `close` sends nothing.
  void forbid_close_notify() { close_notify_ = CloseNotify::forbidden; }

  [[nodiscard]] std::string version() const;
  [[nodiscard]] std::string cipher() const;
  [[nodiscard]] std::string alpn() const;
  [[nodiscard]] std::string peer_certificate() const;
  [[nodiscard]] bool session_reused() const;
  [[nodiscard]] const TlsSession& session() const { return session_; }
  [[nodiscard]] const std::string& server_name() const { return server_name_; }

  // Callbacks of the contexts.
  static int keep_session(SSL* ssl, SSL_SESSION* session);
  static int note_client_hello(SSL* ssl, int* alert, void* unused);

 private:
  enum class Outcome : std::uint8_t { done, finished, wait };
  enum class CloseNotify : std::uint8_t { allowed, forbidden };
  using ReadCall = int (*)(SSL*, void*, std::size_t, std::size_t*);

  static const BIO_METHOD* bio_method();
  static int read_from_socket(BIO* bio, char* buffer, int size);
  static int keep_to_send(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  void expect_server(const std::string& name);
  void shake_hands(TestTime until);
  [[nodiscard]] Outcome read_once(ReadCall call, char* buffer, std::size_t size, std::size_t& got);
  [[nodiscard]] bool wait_for_input(TestTime until) const;
  [[nodiscard]] std::size_t encrypt(std::string_view bytes);
  void send_unsent_now() noexcept;
  void send_unsent(TestTime until);
  void check_sendable() const;
  [[noreturn]] void fail(const std::string& what);

  const int fd_;
  const TlsContext context_;
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  CloseNotify close_notify_ = CloseNotify::allowed;
  std::string unsent_;        ///< encrypted already
  int read_error_ = 0;        ///< the errno that ended reading
  int send_error_ = 0;        ///< the errno that ended sending
  bool end_of_file_ = false;  ///< the peer has sent a FIN, and everything before it is read
  std::string failure_;       ///< what OpenSSL said when the connection broke; empty: it has not
  std::string server_name_;   ///< that the client has asked for
  TlsSession session_;        ///< the latest that the server has given
};

/// Takes the errors of this thread from OpenSSL; the first of them as text.
[[nodiscard]] std::string openssl_text();

}  // namespace bonedry::test
