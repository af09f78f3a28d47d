#pragma once

#include "conf/config.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/pem.h"
#include "tests/support/certificates.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::tls::test {

enum class Role : std::uint8_t { client, server };

/// One end of a TLS connection: plain OpenSSL, whose encrypted bytes the test carries.
class MemoryPeer {
 public:
  enum class State : std::uint8_t { open, closed, failed };

  MemoryPeer(SSL_CTX& context, Role role) : MemoryPeer(Connection{{}, make(context, role)}) {}
  /// `connection` is new, in its role.
  explicit MemoryPeer(Connection connection)
      : owner_(std::move(connection.context)), ssl_(std::move(connection.ssl)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  /// Its session stays resumable.
  ~MemoryPeer() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  MemoryPeer(const MemoryPeer&) = delete;
  MemoryPeer& operator=(const MemoryPeer&) = delete;

  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  [[nodiscard]] State state() const { return state_; }
  /// Why it has failed.
  [[nodiscard]] const std::string& error() const { return error_; }

  void receive(std::string_view encrypted) {
    if (encrypted.empty()) return;
    BIO_write(SSL_get_rbio(ssl_.get()), encrypted.data(), static_cast<int>(encrypted.size()));
  }
  /// What it has to send.
  [[nodiscard]] std::string take() {
    std::string encrypted(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
    if (encrypted.empty()) return {};
    BIO_read(SSL_get_wbio(ssl_.get()), encrypted.data(), static_cast<int>(encrypted.size()));
    return encrypted;
  }

  /// Continues the handshake; also what else is a message of it, such as a KeyUpdate.
  void shake_hands() {
    ERR_clear_error();
    note(SSL_do_handshake(ssl_.get()));
  }
  [[nodiscard]] bool is_open() const {
    return state_ == State::open && SSL_is_init_finished(ssl_.get()) == 1;
  }
  void write(std::string_view plain) {
    std::size_t size = 0;
    ERR_clear_error();
    note(SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size));
  }
  /// All that has arrived.
  [[nodiscard]] std::string read() {
    std::string all;
    std::array<char, 4096> piece;
    std::size_t size = 0;
    ERR_clear_error();
    int result = 1;
    while (result == 1 && state_ == State::open) {
      result = SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &size);
      if (result == 1) all.append(piece.data(), size);
    }
    note(result);
    return all;
  }
  /// Sends a close_notify.
  void close() { SSL_shutdown(ssl_.get()); }
  /// Sends a KeyUpdate; `type` is one of OpenSSL's SSL_KEY_UPDATE_….
  void update_keys(int type) {
    SSL_key_update(ssl_.get(), type);
    shake_hands();
  }

 private:
  static SslConnection make(SSL_CTX& context, Role role) {
    SslConnection ssl{SSL_new(&context)};
    if (!ssl) throw std::runtime_error(take_error());
    if (role == Role::client) SSL_set_connect_state(ssl.get());
    if (role == Role::server) SSL_set_accept_state(ssl.get());
    return ssl;
  }
  void note(int result) {
    if (result == 1 || state_ != State::open) return;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return;
    state_ = error == SSL_ERROR_ZERO_RETURN ? State::closed : State::failed;
    if (state_ == State::failed) error_ = take_error();
  }

  std::shared_ptr<const void> owner_;
  SslConnection ssl_;
  State state_ = State::open;
  std::string error_;
};

/// Carries the bytes of both handshakes, and what follows them, until neither has more.
inline void shake_hands(MemoryPeer& one, MemoryPeer& other) {
  for (int turn = 0; turn < 20; ++turn) {
    for (MemoryPeer* const peer : {&one, &other}) {
      if (!peer->is_open()) peer->shake_hands();
      if (!peer->is_open()) continue;
      EXPECT_EQ(peer->read(), "");
    }
    const std::string here = one.take();
    const std::string there = other.take();
    if (here.empty() && there.empty()) return;
    other.receive(here);
    one.receive(there);
  }
}

/// Settings for clients that verify nobody; `version` is the only one that they speak.
inline SslContext client_context(int version) {
  SslContext context{SSL_CTX_new(TLS_client_method())};
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

inline void show(SSL_CTX& context, const bonedry::test::IssuedCertificate& own) {
  const auto chain = parse_certificates(own.certificate, nullptr);
  const Pkey key = parse_key(own.key, nullptr);
  ASSERT_EQ(SSL_CTX_use_certificate(&context, chain->front().get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(&context, key.get()), 1);
}

inline SslContext server_context(int version, const bonedry::test::IssuedCertificate& own) {
  SslContext context{SSL_CTX_new(TLS_server_method())};
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  show(*context, own);
  return context;
}

/// As a config has it after its files were read.
inline conf::Certificate to_config(const bonedry::test::IssuedCertificate& own,
                                   std::vector<std::string> names) {
  auto contents = std::make_shared<conf::CertificateContents>();
  contents->chain = own.certificate;
  contents->key = own.key;
  contents->names = std::move(names);
  contents->key_type = EVP_PKEY_get0_type_name(parse_key(own.key, nullptr).get());
  return {"shop.pem", "shop.key", contents};
}

}  // namespace bonedry::tls::test
