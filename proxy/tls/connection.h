#pragma once

#include "proxy/tls/openssl.h"

#include <memory>

namespace bonedry::tls {

/// A new connection of OpenSSL, and the context that its callbacks use.
struct Connection {
  std::shared_ptr<const void> context;
  SslConnection ssl;  ///< goes first
};

/// OpenSSL's algorithms, fetched once. Each worker has its own: those of one library context are
/// shared by reference counts and locks, which do not scale (OpenSSL 3.0). Outlives everything that
/// is made with it.
class Library {
 public:
  /// Throws std::runtime_error when OpenSSL does not have what TLS needs.
  Library();

  [[nodiscard]] OSSL_LIB_CTX* context() const { return context_.get(); }
  [[nodiscard]] const EVP_CIPHER* ticket_cipher() const { return ticket_cipher_.get(); }

 private:
  std::unique_ptr<OSSL_LIB_CTX, Freed<&OSSL_LIB_CTX_free>> context_;
  std::unique_ptr<EVP_CIPHER, Freed<&EVP_CIPHER_free>> ticket_cipher_;
};

}  // namespace bonedry::tls
