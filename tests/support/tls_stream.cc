#include "tests/support/tls_stream.h"

#include "tests/support/socket.h"
#include "tests/support/socket_calls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace bonedry::test {
namespace {

constexpr std::size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;

TlsStream* stream_of(BIO* bio) {
  return static_cast<TlsStream*>(BIO_get_data(bio));
}

TlsStream* stream_of(SSL* ssl) {
  return static_cast<TlsStream*>(SSL_get_app_data(ssl));
}

}  // namespace

std::string openssl_text() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(error);
  if (reason != nullptr) return reason;
  return error == 0 ? "no reason given" : "error " + std::to_string(error);
}

// Not OpenSSL's own BIO for sockets: that one raises SIGPIPE, and a record that it could send only
// in part would have to be offered again, where the caller of send_now may have other plans.
const BIO_METHOD* TlsStream::bio_method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test socket");
    if (made == nullptr) throw std::bad_alloc{};
    BIO_meth_set_read(made, read_from_socket);
    BIO_meth_set_write(made, keep_to_send);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return kMethod;
}

int TlsStream::read_from_socket(BIO* bio, char* buffer, int size) {
  TlsStream& stream = *stream_of(bio);
  BIO_clear_retry_flags(bio);
  if (stream.read_error_ != 0) return -1;
  ssize_t got = -1;
  do {
    got = ::recv(stream.fd_, buffer, static_cast<std::size_t>(size), 0);
  } while (got < 0 && errno == EINTR);
  if (got == 0) stream.end_of_file_ = true;
  if (got >= 0) return static_cast<int>(got);
  if (errno == EAGAIN) {
    BIO_set_retry_read(bio);
  } else {
    stream.read_error_ = errno;
  }
  return -1;
}

int TlsStream::keep_to_send(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  stream_of(bio)->unsent_.append(bytes, static_cast<std::size_t>(size));
  return size;
}

long TlsStream::control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return stream_of(bio)->end_of_file_ ? 1 : 0;
  return 0;
}

int TlsStream::keep_session(SSL* ssl, SSL_SESSION* session) {
  // A copy: OpenSSL would mark its own unusable when this connection ends with an error.
  stream_of(ssl)->session_ = TlsSession{SSL_SESSION_dup(session), SSL_SESSION_free};
  return 0;
}

int TlsStream::note_client_hello(SSL* ssl, int* /*alert*/, void* /*unused*/) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  // A list with one entry: length of the list (2 bytes), type (1), length (2), name.
  constexpr std::size_t kBeforeName = 5;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1 &&
      size > kBeforeName) {
    stream_of(ssl)->server_name_.assign(reinterpret_cast<const char*>(data) + kBeforeName,
                                        size - kBeforeName);
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

TlsStream::TlsStream(int fd, TlsContext context)
    : fd_(fd), context_(std::move(context)), ssl_(SSL_new(context_.get()), SSL_free) {
  BIO* const bio = BIO_new(bio_method());
  if (!ssl_ || bio == nullptr) throw std::bad_alloc{};
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes it over
  SSL_set_app_data(ssl_.get(), this);
}

void TlsStream::expect_server(const std::string& name) {
  SSL* const ssl = ssl_.get();
  // A numeric address is verified too, but is no SNI.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1) return;
  ERR_clear_error();
  if (SSL_set_tlsext_host_name(ssl, name.c_str()) != 1 || SSL_set1_host(ssl, name.c_str()) != 1) {
    fail("server name");
  }
  server_name_ = name;
}

void TlsStream::connect(const TlsClient& client, TestTime until) {
  SSL* const ssl = ssl_.get();
  if (!client.server_name.empty()) expect_server(client.server_name);
  if (client.session) {
    // A copy, for the same reason as above.
    const TlsSession copy{SSL_SESSION_dup(client.session.get()), SSL_SESSION_free};
    if (SSL_set_session(ssl, copy.get()) != 1) fail("session");
  }
  SSL_set_connect_state(ssl);
  shake_hands(until);
}

void TlsStream::accept(TestTime until) {
  SSL_set_accept_state(ssl_.get());
  shake_hands(until);
}

void TlsStream::shake_hands(TestTime until) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), result);
    send_unsent_now();  // an alert too
    if (result == 1) break;
    if (end_of_file_) throw UnexpectedEnd("the peer went in the TLS handshake");
    if (error != SSL_ERROR_WANT_READ) fail("TLS handshake");
    if (!wait_for_input(until)) throw TimedOut("TLS handshake timed out");
  }
  send_unsent(until);
}

void TlsStream::fail(const std::string& what) {
  if (read_error_ != 0) throw_socket_error(what, read_error_);
  failure_ = what + ": " + openssl_text();
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) {
    failure_ += std::string{": "} + X509_verify_cert_error_string(verified);
  }
  throw SocketError(failure_);
}

void TlsStream::send_unsent_now() noexcept {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      unsent_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      send_error_ = errno;
      unsent_.clear();
    }
  }
}

void TlsStream::send_unsent(TestTime until) {
  for (;;) {
    send_unsent_now();
    if (send_error_ != 0) throw_socket_error("send", send_error_);
    if (unsent_.empty()) return;
    if (!wait_ready(fd_, POLLOUT, until)) throw TimedOut("send timed out");
  }
}

void TlsStream::check_sendable() const {
  if (!failure_.empty()) throw SocketError(failure_);
  if (send_error_ != 0) throw_socket_error("send", send_error_);
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) throw_socket_error("send", EPIPE);
}

std::size_t TlsStream::encrypt(std::string_view bytes) {
  ERR_clear_error();
  std::size_t taken = 0;
  const std::size_t size = std::min(bytes.size(), kRecord);
  if (SSL_write_ex(ssl_.get(), bytes.data(), size, &taken) != 1) fail("send");
  return taken;
}

void TlsStream::send_all(std::string_view bytes, TestTime until) {
  check_sendable();
  send_unsent(until);
  while (!bytes.empty()) {
    bytes.remove_prefix(encrypt(bytes));
    send_unsent(until);
  }
}

std::size_t TlsStream::send_now(std::string_view bytes) {
  check_sendable();
  send_unsent_now();
  std::size_t sent = 0;
  while (unsent_.empty() && send_error_ == 0 && sent < bytes.size()) {
    sent += encrypt(bytes.substr(sent));
    send_unsent_now();
  }
  if (send_error_ != 0) throw_socket_error("send", send_error_);
  return sent;
}

TlsStream::Outcome TlsStream::read_once(ReadCall call, char* buffer, std::size_t size,
                                        std::size_t& got) {
  if (!failure_.empty()) throw SocketError(failure_);
  ERR_clear_error();
  const int result = call(ssl_.get(), buffer, size, &got);
  const int error = SSL_get_error(ssl_.get(), result);
  send_unsent_now();
  if (result == 1) return Outcome::done;
  if (end_of_file_) throw TruncatedTls("the peer ended without a close_notify");
  if (error == SSL_ERROR_ZERO_RETURN) return Outcome::finished;
  if (error != SSL_ERROR_WANT_READ) fail("recv");
  return Outcome::wait;
}

bool TlsStream::wait_for_input(TestTime until) const {
  const int events = unsent_.empty() ? POLLIN : POLLIN | POLLOUT;
  return wait_ready(fd_, static_cast<short>(events), until);
}

std::size_t TlsStream::receive(char* buffer, std::size_t size, TestTime until) {
  for (;;) {
    std::size_t got = 0;
    switch (read_once(SSL_read_ex, buffer, size, got)) {
      case Outcome::done:
        return got;
      case Outcome::finished:
        return 0;
      case Outcome::wait:
        break;
    }
    if (!wait_for_input(until)) throw TimedOut("nothing to read in time");
  }
}

bool TlsStream::wait_readable(TestTime until) {
  char byte = 0;
  std::size_t got = 0;
  for (;;) {
    try {
      // The socket is readable also when there is only a ticket, or a part of a record.
      if (read_once(SSL_peek_ex, &byte, 1, got) != Outcome::wait) return true;
    } catch (const SocketError&) {
      return true;  // the next `receive` throws it again
    }
    if (!wait_for_input(until)) return false;
  }
}

bool TlsStream::wait_writable(TestTime until) {
  for (;;) {
    if (!wait_ready(fd_, POLLOUT, until)) return false;
    if (unsent_.empty()) return true;
    send_unsent_now();
  }
}

void TlsStream::finish_sending(TestTime until) {
  if (!failure_.empty() || (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  ERR_clear_error();
  if (SSL_shutdown(ssl_.get()) < 0) fail("close_notify");
  try {
    send_unsent(until);
  } catch (const ConnectionReset&) {
    return;  // as without TLS: there is nobody left to tell
  }
}

void TlsStream::close() noexcept {
  if (close_notify_ == CloseNotify::forbidden || SSL_is_init_finished(ssl_.get()) == 0) return;
  if (!failure_.empty()) return;
  // Tickets that nobody has read would make the kernel send a RST instead of a FIN.
  char byte = 0;
  (void)SSL_peek(ssl_.get(), &byte, 1);
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0) (void)SSL_shutdown(ssl_.get());
  send_unsent_now();
  ERR_clear_error();
}

std::string TlsStream::version() const {
  return SSL_get_version(ssl_.get());
}

std::string TlsStream::cipher() const {
  return SSL_get_cipher_name(ssl_.get());
}

std::string TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return name == nullptr ? std::string{} : std::string{reinterpret_cast<const char*>(name), size};
}

std::string TlsStream::peer_certificate() const {
  const std::unique_ptr<X509, void (*)(X509*)> peer{SSL_get1_peer_certificate(ssl_.get()),
                                                    X509_free};
  if (!peer) return {};
  const std::unique_ptr<BIO, int (*)(BIO*)> pem{BIO_new(BIO_s_mem()), BIO_free};
  if (!pem || PEM_write_bio_X509(pem.get(), peer.get()) != 1) throw std::bad_alloc{};
  char* text = nullptr;
  const long size = BIO_get_mem_data(pem.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool TlsStream::session_reused() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

}  // namespace bonedry::test
