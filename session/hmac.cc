#include "session/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace bonedry::session {

Digest hmac_sha256(std::string_view secret, std::string_view text) {
  Digest digest{};
  unsigned size = digest.size();
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    throw std::runtime_error("OpenSSL cannot compute an HMAC-SHA256");
  }
  return digest;
}

}  // namespace bonedry::session
