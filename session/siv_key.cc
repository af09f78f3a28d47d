#include "session/siv_key.h"

#include "session/big_endian.h"
#include "session/hmac.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

namespace bonedry::session {

NodeKey node_key(std::string_view secret, std::string_view pool, std::string_view node) {
  std::string text = "bonedry node ";
  text.append(pool).append("/").append(node);
  return load_big_endian<std::uint64_t>(hmac_sha256(secret, text).data());
}

void SivKey::FreeCipher::operator()(EVP_CIPHER* cipher) const {
  EVP_CIPHER_free(cipher);
}

void SivKey::FreeCipher::operator()(EVP_CIPHER_CTX* context) const {
  EVP_CIPHER_CTX_free(context);
}

SivKey::SivKey(std::string_view secret, std::string_view purpose)
    : id_(hmac_sha256(secret, "bonedry key id")[0]),
      cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr)),
      context_(EVP_CIPHER_CTX_new()) {
  const std::string label = "bonedry " + std::string(purpose) + " key ";
  std::ranges::copy(hmac_sha256(secret, label + "1"), key_.begin());
  std::ranges::copy(hmac_sha256(secret, label + "2"), key_.begin() + 32);
  if (!cipher_ || !context_) throw std::runtime_error("OpenSSL has no AES-256-SIV");
}

SivKey::~SivKey() = default;

void SivKey::seal(const Context& context, std::span<const Byte> plain,
                  std::span<Byte, kTagSize> tag, std::span<Byte> sealed) {
  const bool done =
      begin(context, Direction::seal, nullptr) && crypt(plain, sealed.data()) &&
      EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, int{kTagSize}, tag.data()) == 1;
  if (!done) throw std::bad_alloc();
}

bool SivKey::open(const Context& context, std::span<const Byte, kTagSize> tag,
                  std::span<const Byte> sealed, std::span<Byte> plain) {
  return begin(context, Direction::open, tag.data()) && crypt(sealed, plain.data());
}

/// `tag`: only to open.
bool SivKey::begin(const Context& context, Direction direction, const Byte* tag) {
  int size = 0;
  EVP_CIPHER_CTX* const ctx = context_.get();
  if (EVP_CipherInit_ex2(ctx, cipher_.get(), key_.data(), nullptr, static_cast<int>(direction),
                         nullptr) != 1) {
    return false;
  }
  if (tag != nullptr &&
      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, int{kTagSize}, const_cast<Byte*>(tag)) != 1) {
    return false;
  }
  return EVP_CipherUpdate(ctx, nullptr, &size, reinterpret_cast<const Byte*>(context.pool.data()),
                          static_cast<int>(context.pool.size())) == 1 &&
         EVP_CipherUpdate(ctx, nullptr, &size, context.bytes.data(),
                          static_cast<int>(context.bytes.size())) == 1;
}

bool SivKey::crypt(std::span<const Byte> in, Byte* out) {
  int size = 0;
  const int expected = static_cast<int>(in.size());
  return EVP_CipherUpdate(context_.get(), out, &size, in.data(), expected) == 1 &&
         size == expected && EVP_CipherFinal_ex(context_.get(), out + size, &size) == 1;
}

}  // namespace bonedry::session
