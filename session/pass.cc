#include "session/pass.h"

#include "session/base64url.h"
#include "session/big_endian.h"

#include <array>
#include <cstdint>
#include <stdexcept>

namespace bonedry::session {
namespace {

constexpr std::size_t kPassTagAt = 1;
constexpr std::size_t kPassSealedAt = 17;
constexpr std::size_t kPassSealedSize = 19;
constexpr std::size_t kIssuedAt = 8;  // in the sealed part
constexpr std::size_t kTtlAt = 16;
constexpr std::size_t kTtlSize = 3;
constexpr std::size_t kPassSize = kPassSealedAt + kPassSealedSize;

using PassBytes = std::array<Byte, kPassSize>;
static_assert(kPassSize / 3 * 4 == kPassLength);

SivKey::Context pass_context_of(std::string_view pool, const PassBytes& bytes) {
  return {pool, std::span(bytes).first<kPassTagAt>()};
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
  PassBytes bytes{};
  bytes[0] = keys_.front()->id();
  std::array<Byte, kPassSealedSize> plain{};
  store_big_endian(plain.data(), node_key(0, node));
  store_big_endian(&plain[kIssuedAt], static_cast<std::uint64_t>(issued.ms));
  store_ttl(&plain[kTtlAt], std::chrono::ceil<std::chrono::seconds>(ttl).count());
  const std::span all(bytes);
  keys_.front()->seal(pass_context_of(pool_, bytes), plain,
                      all.subspan<kPassTagAt, SivKey::kTagSize>(), all.subspan<kPassSealedAt>());
  const auto text = to_base64url(bytes);
  return {text.data(), text.size()};
}

std::optional<PassContent> PassSealer::open(std::string_view token) {
  PassBytes bytes{};
  if (!from_base64url(token, bytes)) return std::nullopt;
  const std::span<const Byte, kPassSize> all(bytes);
  for (const auto& key : keys_) {
    if (key->id() != bytes[0]) continue;
    std::array<Byte, kPassSealedSize> plain{};
    const bool opened =
        key->open(pass_context_of(pool_, bytes), all.subspan<kPassTagAt, SivKey::kTagSize>(),
                  all.subspan<kPassSealedAt>(), plain);
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
