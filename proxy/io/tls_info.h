#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::io {

/// How a connection is encrypted.
struct TlsInfo {
  std::string_view version;      ///< a literal: "TLSv1.3"
  std::string_view cipher;       ///< a literal, OpenSSL's name: "TLS_AES_128_GCM_SHA256"
  std::string server_name;       ///< as the client asked for it (SNI), in lower case; or empty
  std::string alpn;              ///< the protocol that was chosen, or empty
  std::string peer_certificate;  ///< of a client, DER; empty: none was shown
  std::string peer_common_name;  ///< of that certificate; empty: none, or none of use
  /// DER, of the certificates that it was verified by, each issued by the next one. Empty where the
  /// session was resumed: a ticket does not contain them.
  std::vector<std::string> peer_issuers;
  enum class Resumed : std::uint8_t { no, yes } resumed = Resumed::no;
};

}  // namespace bonedry::io
