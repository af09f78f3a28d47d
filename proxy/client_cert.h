#pragma once

#include "proxy/io/tls_info.h"

#include <cstdint>
#include <string>

namespace bonedry::proxy {

/// Whether nodes also get the issuers of a client's certificate.
enum class CertIssuers : std::uint8_t { omit, send };

/// The fields that show nodes the certificate of a client (RFC 9440, section 2), as
/// "Name: value\r\n" lines; empty if it has shown none.
[[nodiscard]] std::string client_cert_fields(const io::TlsInfo& tls, CertIssuers issuers);

}  // namespace bonedry::proxy
