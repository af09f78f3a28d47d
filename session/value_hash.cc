#include "session/value_hash.h"

#include "session/hmac.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>

namespace bonedry::session {
namespace {

using Byte = unsigned char;

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

}  // namespace

/// The hash under one secret.
class ValueHash::Context {
 public:
  Context(std::string_view secret, std::string_view pool)
      : mac_(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr)) {
    if (mac_) context_.reset(EVP_MAC_CTX_new(mac_.get()));
    if (!context_) throw std::runtime_error("OpenSSL has no SipHash");
    const Digest derived = hmac_sha256(secret, "bonedry learned cookie " + std::string(pool));
    std::copy_n(derived.begin(), key_.size(), key_.begin());
  }

  SessionKey hash(std::string_view value) {
    std::array<Byte, sizeof(SessionKey)> bytes{};
    std::size_t size = 0;
    EVP_MAC_CTX* const context = context_.get();
    const bool done =
        EVP_MAC_init(context, key_.data(), key_.size(), nullptr) == 1 &&
        EVP_MAC_update(context, reinterpret_cast<const Byte*>(value.data()), value.size()) == 1 &&
        EVP_MAC_final(context, bytes.data(), &size, bytes.size()) == 1 && size == bytes.size();
    // Once SipHash has been found, this can only fail for lack of memory.
    if (!done) throw std::bad_alloc();
    SessionKey key;
    std::memcpy(&key.high, bytes.data(), sizeof(key.high));
    std::memcpy(&key.low, bytes.data() + sizeof(key.high), sizeof(key.low));
    return key;
  }

 private:
  std::unique_ptr<EVP_MAC, FreeMac> mac_;
  std::unique_ptr<EVP_MAC_CTX, FreeMac> context_;
  std::array<Byte, 16> key_{};
};

ValueHash::ValueHash(std::span<const std::string> secrets, std::string_view pool) {
  for (const std::string& secret : secrets) {
    contexts_.push_back(std::make_unique<Context>(secret, pool));
  }
  if (contexts_.empty()) throw std::invalid_argument("a ValueHash needs a secret");
}

ValueHash::~ValueHash() = default;
ValueHash::ValueHash(ValueHash&&) noexcept = default;
ValueHash& ValueHash::operator=(ValueHash&&) noexcept = default;

SessionKey ValueHash::key(std::size_t secret, std::string_view value) {
  return contexts_[secret]->hash(value);
}

}  // namespace bonedry::session
