#include "tests/support/story_tls.h"

#include "tests/support/certificates.h"

#include <cstdlib>

namespace bonedry::test {
namespace {

/// One certificate serves bonedry and the nodes.
struct Certificates {
  CertificateAuthority authority;
  IssuedCertificate shop = authority.issue();
};

const Certificates* certificates() {
  if (std::getenv("BONEDRY_STORY_TLS") == nullptr) return nullptr;
  static const Certificates kAll;
  return &kAll;
}

}  // namespace

std::optional<TlsClient> story_client_tls() {
  const Certificates* const all = certificates();
  if (all == nullptr) return std::nullopt;
  return TlsClient{.ca = all->authority.certificate()};
}

std::optional<TlsServer> story_node_tls() {
  const Certificates* const all = certificates();
  if (all == nullptr) return std::nullopt;
  return TlsServer{.certificate = all->shop.certificate, .key = all->shop.key};
}

Socket connect_story_client(const std::string& address) {
  Socket socket = Socket::connect_tcp(address);
  if (const auto tls = story_client_tls()) socket.start_tls(*tls);
  return socket;
}

std::optional<StoryTlsFiles> story_tls_files() {
  const Certificates* const all = certificates();
  if (all == nullptr) return std::nullopt;
  return StoryTlsFiles{all->authority.certificate(), all->shop.certificate, all->shop.key};
}

}  // namespace bonedry::test
