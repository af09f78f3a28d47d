#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct evp_cipher_st;
struct evp_cipher_ctx_st;

namespace bonedry::session {

using Byte = unsigned char;

/// Keyed hash of a node's name: the same in every proxy that has the secret, and reveals nothing.
using NodeKey = std::uint64_t;
[[nodiscard]] NodeKey node_key(std::string_view secret, std::string_view pool,
                               std::string_view node);

/// One secret's key for AES-256-SIV (RFC 5297), for one purpose: what is sealed for one purpose is
/// not opened for another. This authenticated encryption needs no nonce, so sealing the same text
/// twice, or 2^40 texts, reveals nothing else. Owned by one thread.
class SivKey {
 public:
  static constexpr std::size_t kTagSize = 16;

  /// `purpose` is a part of the text that the key is derived from: "cookie". Throws
  /// std::runtime_error when OpenSSL does not have the cipher.
  SivKey(std::string_view secret, std::string_view purpose);
  ~SivKey();
  SivKey(const SivKey&) = delete;
  SivKey& operator=(const SivKey&) = delete;

  /// Identifies the secret among others, without revealing it.
  [[nodiscard]] Byte id() const { return id_; }

  /// What is authenticated but not encrypted: two texts, which are kept apart, so that no byte can
  /// shift from one to the other.
  struct Context {
    std::string_view pool;
    std::span<const Byte> bytes;
  };
  /// `sealed` is as long as `plain`. Throws std::bad_alloc: once the cipher has been found, sealing
  /// can only fail for lack of memory.
  void seal(const Context& context, std::span<const Byte> plain, std::span<Byte, kTagSize> tag,
            std::span<Byte> sealed);
  /// False unless `sealed` and `context` are those of `seal`; `plain`, which is as long as
  /// `sealed`, is then undefined.
  [[nodiscard]] bool open(const Context& context, std::span<const Byte, kTagSize> tag,
                          std::span<const Byte> sealed, std::span<Byte> plain);

 private:
  enum class Direction : int { open = 0, seal = 1 };
  bool begin(const Context& context, Direction direction, const Byte* tag);
  bool crypt(std::span<const Byte> in, Byte* out);

  struct FreeCipher {
    void operator()(evp_cipher_st* cipher) const;
    void operator()(evp_cipher_ctx_st* context) const;
  };

  Byte id_ = 0;
  std::array<Byte, 64> key_{};
  std::unique_ptr<evp_cipher_st, FreeCipher> cipher_;
  std::unique_ptr<evp_cipher_ctx_st, FreeCipher> context_;
};

}  // namespace bonedry::session
