#pragma once

#include "proxy/base/result.h"
#include "proxy/tls/openssl.h"

#include <string_view>
#include <vector>

/// Objects of PEM texts (RFC 7468).
namespace bonedry::tls {

/// One object of a PEM text.
struct PemBlock {
  std::string_view label;  ///< such as "CERTIFICATE"
  std::string_view text;   ///< from its first line to the next block
};

/// All blocks of the text, in its order; they refer to it. Not left to OpenSSL, which cannot tell
/// of which kind a damaged block is.
[[nodiscard]] std::vector<PemBlock> split_pem(std::string_view pem);

/// All certificates of the text, in its order; blocks of other kinds are skipped, so there may be
/// none. The error says which one is damaged, but not in which file. Empties OpenSSL's error queue.
[[nodiscard]] Result<std::vector<X509Certificate>> parse_certificates(std::string_view pem,
                                                                      OSSL_LIB_CTX* library);
/// Null if there is none, or it is encrypted: no password is asked for. Empties OpenSSL's error
/// queue.
[[nodiscard]] Pkey parse_key(std::string_view pem, OSSL_LIB_CTX* library);

}  // namespace bonedry::tls
