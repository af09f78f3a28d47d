#include "session/sealed_cookie.h"

#include "session/hmac.h"

#include <endian.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace bonedry::session {
namespace {

using Byte = unsigned char;

constexpr std::size_t kKeyAt = 1;
constexpr std::size_t kTagAt = 17;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kSealedAt = 33;
constexpr std::size_t kSealedSize = 12;
constexpr std::size_t kSize = 45;  // a multiple of 3: base64 then has no spare bits to tamper with

using Bytes = std::array<Byte, kSize>;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t kNoDigit = 0x80;

constexpr std::array<std::uint8_t, 256> make_decode_table() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<Byte>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr auto kDecode = make_decode_table();

CookieSealer::Value encode(const Bytes& bytes) {
  CookieSealer::Value text{};
  for (std::size_t in = 0, out = 0; in < kSize; in += 3, out += 4) {
    const std::uint32_t word =
        (std::uint32_t{bytes[in]} << 16U) | (std::uint32_t{bytes[in + 1]} << 8U) | bytes[in + 2];
    for (std::size_t i = 0; i < 4; ++i) text[out + i] = kAlphabet[(word >> (18 - 6 * i)) & 63U];
  }
  return text;
}

bool decode(std::string_view text, Bytes& bytes) {
  if (text.size() != kCookieLength) return false;
  const auto digit = [text](std::size_t at) {
    return std::uint32_t{kDecode[static_cast<Byte>(text[at])]};
  };
  std::uint32_t seen = 0;
  for (std::size_t in = 0, out = 0; in < kCookieLength; in += 4, out += 3) {
    const std::uint32_t a = digit(in);
    const std::uint32_t b = digit(in + 1);
    const std::uint32_t c = digit(in + 2);
    const std::uint32_t d = digit(in + 3);
    seen |= a | b | c | d;
    const std::uint32_t three = htobe32((a << 26U) | (b << 20U) | (c << 14U) | (d << 8U));
    std::memcpy(&bytes[out], &three, 3);
  }
  return (seen & kNoDigit) == 0;
}

template <class Int>
void store(Byte* at, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    at[i] = static_cast<Byte>(value >> (8 * (sizeof(Int) - 1 - i)));
  }
}

/// Reads 4 or 8 bytes in big-endian order.
template <class Int>
Int load(const Byte* at) {
  Int value = 0;
  std::memcpy(&value, at, sizeof(value));
  if constexpr (sizeof(Int) == sizeof(std::uint64_t)) return be64toh(value);
  return be32toh(static_cast<std::uint32_t>(value));
}

SessionKey load_key(const Bytes& bytes) {
  return {load<std::uint64_t>(&bytes[kKeyAt]), load<std::uint64_t>(&bytes[kKeyAt + 8])};
}

/// Mixes what follows the session key, and the key id, into 64 bits. Not cryptographic and need not
/// be: anyone who could search for a second cookie with the same fingerprint already has the first.
CookieFingerprint mix(const Bytes& bytes) {
  std::uint64_t hash = bytes[0] + 0x9E3779B97F4A7C15U;
  const auto add = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDU;
    hash ^= hash >> 32U;
  };
  add(load<std::uint64_t>(&bytes[kTagAt]));
  add(load<std::uint64_t>(&bytes[kTagAt + 8]));
  add(load<std::uint64_t>(&bytes[kSealedAt]));
  add(load<std::uint32_t>(&bytes[kSealedAt + 8]));
  return hash;
}

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

/// One secret and the keys derived from it.
struct CookieSealer::Key {
  Byte id = 0;
  std::string secret;
  std::array<Byte, 64> cipher_key{};
  std::unique_ptr<EVP_CIPHER, FreeCipher> cipher;
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context;

  explicit Key(std::string_view text) : secret(text) {
    id = hmac_sha256(secret, "bonedry key id")[0];
    const Digest first = hmac_sha256(secret, "bonedry cookie key 1");
    const Digest second = hmac_sha256(secret, "bonedry cookie key 2");
    std::ranges::copy(first, cipher_key.begin());
    std::ranges::copy(second, cipher_key.begin() + 32);
    cipher.reset(EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr));
    context.reset(EVP_CIPHER_CTX_new());
    if (!cipher || !context) throw std::runtime_error("OpenSSL has no AES-256-SIV");
  }

  bool begin(std::string_view pool, const Bytes& bytes, int encrypt) {
    int size = 0;
    EVP_CIPHER_CTX* const ctx = context.get();
    if (EVP_CipherInit_ex2(ctx, cipher.get(), cipher_key.data(), nullptr, encrypt, nullptr) != 1) {
      return false;
    }
    if (encrypt == 0 && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, int{kTagSize},
                                            const_cast<Byte*>(&bytes[kTagAt])) != 1) {
      return false;
    }
    // Two strings of associated data: SIV keeps them apart, so no byte can shift from one to the
    // other.
    return EVP_CipherUpdate(ctx, nullptr, &size, reinterpret_cast<const Byte*>(pool.data()),
                            static_cast<int>(pool.size())) == 1 &&
           EVP_CipherUpdate(ctx, nullptr, &size, bytes.data(), int{kTagAt}) == 1;
  }

  bool crypt(const Byte* in, Byte* out) {
    int size = 0;
    return EVP_CipherUpdate(context.get(), out, &size, in, int{kSealedSize}) == 1 &&
           size == int{kSealedSize} && EVP_CipherFinal_ex(context.get(), out + size, &size) == 1;
  }
};

std::optional<CookiePeek> peek(std::string_view value) {
  Bytes bytes;
  if (!decode(value, bytes)) return std::nullopt;
  return CookiePeek{load_key(bytes), mix(bytes)};
}

CookieSealer::CookieSealer(std::span<const std::string> secrets, std::string_view pool)
    : pool_(pool) {
  for (const std::string& secret : secrets) keys_.push_back(std::make_unique<Key>(secret));
  if (keys_.empty()) throw std::invalid_argument("a CookieSealer needs a secret");
}

CookieSealer::~CookieSealer() = default;
CookieSealer::CookieSealer(CookieSealer&&) noexcept = default;
CookieSealer& CookieSealer::operator=(CookieSealer&&) noexcept = default;

CookieSealer::Value CookieSealer::seal(const CookieContent& content) {
  Key& key = *keys_.front();
  Bytes bytes{};
  bytes[0] = key.id;
  store(&bytes[kKeyAt], content.key.high);
  store(&bytes[kKeyAt + 8], content.key.low);
  std::array<Byte, kSealedSize> plain{};
  store(plain.data(), content.node);
  store(plain.data() + 8, static_cast<std::uint32_t>(content.issued.ms / 1000));
  const bool sealed = key.begin(pool_, bytes, 1) && key.crypt(plain.data(), &bytes[kSealedAt]) &&
                      EVP_CIPHER_CTX_ctrl(key.context.get(), EVP_CTRL_AEAD_GET_TAG, int{kTagSize},
                                          &bytes[kTagAt]) == 1;
  // Once the cipher has been found, sealing can only fail for lack of memory.
  if (!sealed) throw std::bad_alloc();
  return encode(bytes);
}

std::optional<CookieContent> CookieSealer::open(std::string_view value) {
  return open_for(pool_, value);
}

bool CookieSealer::is_of(std::string_view value, std::string_view pool) {
  return open_for(pool, value).has_value();
}

std::optional<CookieContent> CookieSealer::open_for(std::string_view pool, std::string_view value) {
  Bytes bytes;
  if (!decode(value, bytes)) return std::nullopt;
  for (const auto& key : keys_) {
    if (key->id != bytes[0]) continue;
    std::array<Byte, kSealedSize + kTagSize> plain{};
    if (!key->begin(pool, bytes, 0) || !key->crypt(&bytes[kSealedAt], plain.data())) continue;
    return CookieContent{load_key(bytes), load<std::uint64_t>(plain.data()),
                         WallTime{std::int64_t{load<std::uint32_t>(plain.data() + 8)} * 1000}};
  }
  return std::nullopt;
}

NodeKey CookieSealer::node_key(std::size_t secret, std::string_view node) const {
  const std::string text = "bonedry node " + pool_ + "/" + std::string(node);
  return load<std::uint64_t>(hmac_sha256(keys_[secret]->secret, text).data());
}

SessionKey random_session_key() {
  std::array<Byte, 16> bytes{};
  if (RAND_bytes(bytes.data(), int{bytes.size()}) != 1) throw std::bad_alloc();
  return {load<std::uint64_t>(bytes.data()), load<std::uint64_t>(bytes.data() + 8)};
}

}  // namespace bonedry::session
