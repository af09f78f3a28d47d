#include "conf/token_digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace bonedry::conf {

TokenDigest::TokenDigest(std::string_view token) {
  // The bytes of a string_view, as OpenSSL takes them.
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), bytes_.data());
}

bool operator==(const TokenDigest& left, const TokenDigest& right) {
  return CRYPTO_memcmp(left.bytes_.data(), right.bytes_.data(), left.bytes_.size()) == 0;
}

}  // namespace bonedry::conf
