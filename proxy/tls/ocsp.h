#pragma once

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <span>
#include <string>
#include <string_view>

namespace bonedry::tls {

/// Reads an OCSP response (RFC 6960) in DER, of at most 64 KiB, which has to be "good" for one of
/// the certificates, all of which have contents. Its signature is for clients to verify.
///
/// An error names the file, says what is wrong with it and what to do. That the response is not
/// valid at present is none, see `ocsp_fault`; nor is one for another certificate, which the result
/// does not contain: a renewed certificate must not wait for its OCSP response. Leaves OpenSSL's
/// error queue empty. Thread-safe.
[[nodiscard]] Result<conf::OcspFile> read_ocsp_response(
    const std::string& path, std::span<const conf::Certificate> certificates);

/// Why the response must not be stapled at that time; empty: it may be.
[[nodiscard]] std::string_view ocsp_fault(const conf::OcspFile& file, WallTime now);

}  // namespace bonedry::tls
