#pragma once

#include "proxy/tls/openssl.h"

#include <string_view>
#include <vector>

/// Objects from PEM texts that have been checked before (see certificate.h).
namespace bonedry::tls {

/// All certificates of the text, in its order.
[[nodiscard]] std::vector<X509Certificate> parse_certificates(std::string_view pem,
                                                              OSSL_LIB_CTX* library);
/// Null if there is none.
[[nodiscard]] Pkey parse_key(std::string_view pem, OSSL_LIB_CTX* library);

}  // namespace bonedry::tls
