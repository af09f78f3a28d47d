#include "session/pass.h"

#include "session/base64url.h"
#include "session/big_endian.h"

#include <array>
#include <cstdint>
#include <stdexcept>

namespace bonedry::session {
namespace {

constexpr std::size_t kTagAt = 1;
constexpr std::size_t kSealedAt = 17;
constexpr std::size_t kSealedSize = 19;
constexpr std::size_t kIssuedAt = 8;  // in the sealed part
constexpr std::size_t kTtlAt = 16;
constexpr std::size_t kTtlSize = 3;
constexpr std::size_t kSize = kSealedAt + kSealedSize;

using Bytes = std::array<Byte, kSize>;
static_assert(kSize / 3 * 4 == kPassLength);

SivKey::Context context_of(std::string_view pool, const Bytes& bytes) {
  return {pool, std::span(bytes).first<kTagAt>()};
}

std::int64_t load_ttl(const Byte* at) {
  std::int64_t seconds = 0;
  for (std::size_t i = 0; i < kTtlSize; ++i) seconds = seconds * 256 + at[i];
  return seconds;
}

void store_ttl(Byte* at, std::int64_t seconds) {
  for (std::size_t i = kTtlSize; i > 0; --i, seconds /= 256) {
    at[i - 1] = static_cast<Byte>(seconds % 256);
  }
}

}  // namespace

PassSealer::PassSealer(std::span<const std::string> secrets, std::string_view pool)
    : pool_(pool), secrets_(secrets.begin(), secrets.end()) {
  for (const std::string& secret : secrets_) {
    keys_.push_back(std::make_unique<SivKey>(secret, "pass"));
  }
  if (keys_.empty()) throw std::invalid_argument("a PassSealer needs a secret");
}

std::string PassSealer::seal(std::string_view node, WallTime issued, Millis ttl) {
  Bytes bytes{};
  bytes[0] = keys_.front()->id();
  std::array<Byte, kSealedSize> plain{};
  store_big_endian(plain.data(), node_key(0, node));
  store_big_endian(&plain[kIssuedAt], static_cast<std::uint64_t>(issued.ms));
  store_ttl(&plain[kTtlAt], std::chrono::ceil<std::chrono::seconds>(ttl).count());
  const std::span all(bytes);
  keys_.front()->seal(context_of(pool_, bytes), plain, all.subspan<kTagAt, SivKey::kTagSize>(),
                      all.subspan<kSealedAt>());
  const auto text = to_base64url(bytes);
  return {text.data(), text.size()};
}

std::optional<PassContent> PassSealer::open(std::string_view token) {
  Bytes bytes{};
  if (!from_base64url(token, bytes)) return std::nullopt;
  const std::span<const Byte, kSize> all(bytes);
  for (const auto& key : keys_) {
    if (key->id() != bytes[0]) continue;
    std::array<Byte, kSealedSize> plain{};
    const bool opened = key->open(context_of(pool_, bytes), all.subspan<kTagAt, SivKey::kTagSize>(),
                                  all.subspan<kSealedAt>(), plain);
    if (!opened) continue;
    const WallTime issued{
        static_cast<std::int64_t>(load_big_endian<std::uint64_t>(&plain[kIssuedAt]))};
    return PassContent{load_big_endian<std::uint64_t>(plain.data()), issued,
                       issued + std::chrono::seconds{load_ttl(&plain[kTtlAt])}};
  }
  return std::nullopt;
}

NodeKey PassSealer::node_key(std::size_t secret, std::string_view node) const {
  return session::node_key(secrets_[secret], pool_, node);
}

}  // namespace bonedry::session
