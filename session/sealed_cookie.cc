#include "session/sealed_cookie.h"

#include "session/base64url.h"
#include "session/big_endian.h"

#include <openssl/rand.h>

#include <new>
#include <stdexcept>
#include <utility>

namespace bonedry::session {
namespace {

constexpr std::size_t kKeyAt = 1;
constexpr std::size_t kTagAt = 17;
constexpr std::size_t kSealedAt = 33;
constexpr std::size_t kSealedSize = 12;
constexpr std::size_t kSize = 45;

using Bytes = std::array<Byte, kSize>;

SessionKey load_key(const Bytes& bytes) {
  return {load_big_endian<std::uint64_t>(&bytes[kKeyAt]),
          load_big_endian<std::uint64_t>(&bytes[kKeyAt + 8])};
}

/// Mixes what follows the session key, and the key id, into 64 bits. Not cryptographic and need not
/// be: anyone who could search for a second cookie with the same fingerprint already has the first.
CookieFingerprint mix(const Bytes& bytes) {
  std::uint64_t hash = bytes[0] + 0x9E3779B97F4A7C15U;
  const auto add = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDU;
    hash ^= hash >> 32U;
  };
  add(load_big_endian<std::uint64_t>(&bytes[kTagAt]));
  add(load_big_endian<std::uint64_t>(&bytes[kTagAt + 8]));
  add(load_big_endian<std::uint64_t>(&bytes[kSealedAt]));
  add(load_big_endian<std::uint32_t>(&bytes[kSealedAt + 8]));
  return hash;
}

SivKey::Context context_of(std::string_view pool, const Bytes& bytes) {
  return {pool, std::span(bytes).first<kTagAt>()};
}

/// `All`: Bytes, constant or not.
template <class All>
auto tag_in(All& bytes) {
  return std::span(bytes).template subspan<kTagAt, SivKey::kTagSize>();
}

template <class All>
auto sealed_in(All& bytes) {
  return std::span(bytes).template subspan<kSealedAt, kSealedSize>();
}

}  // namespace

/// One secret and the key derived from it.
struct CookieSealer::Key {
  std::string secret;
  SivKey siv;

  explicit Key(const std::string& text) : secret(text), siv(text, "cookie") {}
};

std::optional<CookiePeek> peek(std::string_view value) {
  Bytes bytes;
  if (!from_base64url(value, bytes)) return std::nullopt;
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
  bytes[0] = key.siv.id();
  store_big_endian(&bytes[kKeyAt], content.key.high);
  store_big_endian(&bytes[kKeyAt + 8], content.key.low);
  std::array<Byte, kSealedSize> plain{};
  store_big_endian(plain.data(), content.node);
  store_big_endian(plain.data() + 8, static_cast<std::uint32_t>(content.issued.ms / 1000));
  key.siv.seal(context_of(pool_, bytes), plain, tag_in(bytes), sealed_in(bytes));
  return to_base64url(bytes);
}

std::optional<CookieContent> CookieSealer::open(std::string_view value) {
  return open_for(pool_, value);
}

bool CookieSealer::is_of(std::string_view value, std::string_view pool) {
  return open_for(pool, value).has_value();
}

std::optional<CookieContent> CookieSealer::open_for(std::string_view pool, std::string_view value) {
  Bytes bytes;
  if (!from_base64url(value, bytes)) return std::nullopt;
  for (const auto& key : keys_) {
    if (key->siv.id() != bytes[0]) continue;
    std::array<Byte, kSealedSize> plain{};
    if (!key->siv.open(context_of(pool, bytes), tag_in(bytes), sealed_in(bytes), plain)) continue;
    return CookieContent{
        load_key(bytes), load_big_endian<std::uint64_t>(plain.data()),
        WallTime{std::int64_t{load_big_endian<std::uint32_t>(plain.data() + 8)} * 1000}};
  }
  return std::nullopt;
}

NodeKey CookieSealer::node_key(std::size_t secret, std::string_view node) const {
  return session::node_key(keys_[secret]->secret, pool_, node);
}

SessionKey random_session_key() {
  std::array<Byte, 16> bytes{};
  if (RAND_bytes(bytes.data(), int{bytes.size()}) != 1) throw std::bad_alloc();
  return {load_big_endian<std::uint64_t>(bytes.data()),
          load_big_endian<std::uint64_t>(bytes.data() + 8)};
}

}  // namespace bonedry::session
