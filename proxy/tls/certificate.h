#pragma once

#include "conf/certificate.h"
#include "proxy/base/clock.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bonedry::tls {

/// Whom a certificate is shown to. Servers identify clients as they like, so that a client's needs
/// no name.
enum class CertificateUse : std::uint8_t { to_clients, to_servers };

struct ReadCertificate {
  conf::CertificateContents contents;
  /// What does not prevent its use, but will have some clients reject it or others read the key.
  /// Each names the file and is one line.
  std::vector<std::string> warnings;
};

/// Reads and checks a certificate chain and its private key. Both are PEM files of at most 1 MiB,
/// and may be the same file. `now` decides only about warnings: whoever needs a certificate that is
/// valid compares the times in the contents.
///
/// An error names the file, says what is wrong with it and what to do; it never shows the key. When
/// both files are replaced during the call, they may not belong together: then another call
/// succeeds. Reads no terminal, and leaves OpenSSL's error queue empty. The first call for a chain
/// that does not end in a root also reads the roots of the system. Thread-safe.
[[nodiscard]] Result<ReadCertificate> read_certificate(const std::string& certificate_path,
                                                       const std::string& key_path, WallTime now,
                                                       CertificateUse use);

/// Reads the certificates of authorities, in any order, from a PEM file of at most 1 MiB, and
/// returns its text: at least one, and none that is damaged. Errors as those of `read_certificate`.
[[nodiscard]] Result<std::string> read_authorities(const std::string& path);

}  // namespace bonedry::tls
