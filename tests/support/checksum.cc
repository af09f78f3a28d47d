#include "tests/support/checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace bonedry::test {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  State() = default;
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("no SHA-256");
  }
}

Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Sha256::hex() const {
  const State copy;
  EVP_MD_CTX_copy_ex(copy.context, state_->context);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(copy.context, digest, &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("no SHA-1");
  }
  unsigned char base64[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(base64, digest, static_cast<int>(size));
  return {reinterpret_cast<const char*>(base64), static_cast<std::size_t>(length)};
}

PatternBody::PatternBody(std::uint64_t seed, std::uint64_t size)
    : size_(size), left_(size), piece_(kPiece, '\0') {
  std::uint64_t state = seed * 2 + 1;
  for (std::size_t at = 0; at < kPiece; at += sizeof state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(piece_.data() + at, &state, sizeof state);
  }
}

std::string_view PatternBody::next() {
  const std::uint64_t number = piece_number_++;
  std::memcpy(piece_.data(), &number, sizeof number);
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPiece));
  left_ -= size;
  return std::string_view{piece_}.substr(0, size);
}

std::string PatternBody::checksum(std::uint64_t seed, std::uint64_t size) {
  PatternBody body{seed, size};
  Sha256 digest;
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) digest.update(piece);
  return digest.hex();
}

}  // namespace bonedry::test
