#pragma once

#include "proxy/tls/openssl.h"

/// How OpenSSL reaches the bytes of a TlsTransport: a BIO that reads and writes through it.
namespace bonedry::tls {

class TlsTransport;

/// Throws std::bad_alloc when there is no memory.
void set_bio(SSL& ssl, TlsTransport& transport);

/// What a read returns to OpenSSL when it has to try again later.
[[nodiscard]] constexpr int would_block() {
  return -2;
}

}  // namespace bonedry::tls
