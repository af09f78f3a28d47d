#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::test {

enum class KeyKind : std::uint8_t { ecdsa_p256, rsa_2048 };

/// A certificate without its issuers, and its key; both in PEM.
struct IssuedCertificate {
  std::string certificate;
  std::string key;
};

struct CertificateSpec {
  /// DNS names or numeric IP addresses. They become the subjectAltName, and the first also the
  /// common name, of which it may fill 64 characters. With none there is no subjectAltName, and the
  /// common name is "shop.example".
  std::vector<std::string> names = {"shop.example"};
  KeyKind key = KeyKind::ecdsa_p256;
  std::chrono::hours starts{-24};    ///< from now
  std::chrono::hours ends{24 * 30};  ///< from now
};

enum class OcspStatus : std::uint8_t { good, revoked, unknown };

/// What a responder says of a certificate.
struct OcspSpec {
  OcspStatus status = OcspStatus::good;
  std::chrono::seconds this_update{-3600};                 ///< from now
  std::optional<std::chrono::seconds> next_update{86400};  ///< from now; nullopt: it has none
};

/// Issues certificates that common TLS clients accept if they trust this authority, as servers and
/// as clients. It is valid from a year ago until ten years from now. Copies issue under the same
/// name and key. All functions throw std::runtime_error if OpenSSL cannot do its part.
class CertificateAuthority {
 public:
  /// A root, with a new key.
  explicit CertificateAuthority(const std::string& name = "Test Root");

  [[nodiscard]] const std::string& certificate() const { return own_.certificate; }  ///< PEM
  [[nodiscard]] const std::string& key() const { return own_.key; }                  ///< PEM
  [[nodiscard]] IssuedCertificate issue(const CertificateSpec& spec = {}) const;
  /// An OCSP response for a certificate (PEM) that this authority has issued, signed by itself.
  /// DER.
  [[nodiscard]] std::string ocsp_response(const std::string& certificate,
                                          const OcspSpec& spec = {}) const;
  /// An authority with a new key, whose certificate is signed by this one.
  [[nodiscard]] CertificateAuthority intermediate(const std::string& name) const;

 private:
  explicit CertificateAuthority(IssuedCertificate own) : own_(std::move(own)) {}

  IssuedCertificate own_;
};

/// A certificate that is its own issuer, but no authority.
[[nodiscard]] IssuedCertificate self_signed(const CertificateSpec& spec = {});

}  // namespace bonedry::test
