#pragma once

#include "conf/certificate.h"
#include "proxy/base/result.h"
#include "proxy/tls/connection.h"
#include "proxy/tls/openssl.h"

#include <string_view>

/// What the contexts of servers and of clients have in common.
namespace bonedry::tls {

/// TLS 1.2 or later, without renegotiation and compression. Throws std::bad_alloc.
[[nodiscard]] SslContext make_context(const Library& library, const SSL_METHOD* method);

/// Shows this certificate, which has contents, to peers. May be called again for a key of another
/// type. The error names the file.
[[nodiscard]] Result<> use_certificate(SSL_CTX& context, const Library& library,
                                       const conf::Certificate& certificate);

/// Trusts these certificates, a PEM text, to issue those of peers.
[[nodiscard]] Result<> trust_issuers(SSL_CTX& context, const Library& library,
                                     std::string_view pem);

}  // namespace bonedry::tls
