#include "proxy/client_cert.h"

#include "proxy/tls/base64.h"

namespace bonedry::proxy {
namespace {

/// A byte sequence (RFC 8941, section 3.3.5).
std::string byte_sequence(const std::string& der) {
  return ":" + tls::to_base64(der) + ":";
}

}  // namespace

std::string client_cert_fields(const io::TlsInfo& tls, CertIssuers issuers) {
  if (tls.peer_certificate.empty()) return {};
  std::string fields = "Client-Cert: " + byte_sequence(tls.peer_certificate) + "\r\n";
  if (issuers == CertIssuers::omit || tls.peer_issuers.empty()) return fields;
  std::string chain;
  for (const std::string& issuer : tls.peer_issuers) {
    chain += (chain.empty() ? "" : ", ") + byte_sequence(issuer);
  }
  return fields + "Client-Cert-Chain: " + chain + "\r\n";
}

}  // namespace bonedry::proxy
