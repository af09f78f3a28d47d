#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bonedry::test {

/// SHA-256 over bytes that arrive in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  /// The digest of all bytes so far, in hexadecimal.
  [[nodiscard]] std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256(std::string_view bytes);

/// The Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, section 4.2.2).
[[nodiscard]] std::string websocket_accept(std::string_view key);

/// A body of any size that is never held in memory as a whole. The same seed gives the same bytes,
/// and no part of it repeats, so that a lost, doubled or swapped piece changes its checksum.
class PatternBody {
 public:
  PatternBody(std::uint64_t seed, std::uint64_t size);

  /// The next piece; empty at the end. Valid until the next call.
  [[nodiscard]] std::string_view next();
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// The checksum of the whole body.
  [[nodiscard]] static std::string checksum(std::uint64_t seed, std::uint64_t size);

 private:
  static constexpr std::size_t kPiece = 65536;

  std::uint64_t size_;
  std::uint64_t left_;
  std::uint64_t piece_number_ = 0;
  std::string piece_;
};

}  // namespace bonedry::test
