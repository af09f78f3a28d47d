#pragma once

#include "session/ledger.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// Hashes values of an application's cookie to session keys: SipHash with a 128-bit result, under a
/// key derived from the secret, the pool's name and this purpose. So the ledger reveals no value,
/// and without the secret nobody can make two values collide or choose where in the ledger one is
/// stored. Costs some 50 ns per value and allocates nothing.
///
/// Owned by one thread.
class ValueHash {
 public:
  /// `secrets`: at least one.
  ValueHash(std::span<const std::string> secrets, std::string_view pool);
  ~ValueHash();
  ValueHash(ValueHash&&) noexcept;
  ValueHash& operator=(ValueHash&&) noexcept;

  /// The key of a value under the i-th secret.
  [[nodiscard]] SessionKey key(std::size_t secret, std::string_view value);
  [[nodiscard]] std::size_t secrets() const { return contexts_.size(); }

 private:
  class Context;
  std::vector<std::unique_ptr<Context>> contexts_;
};

}  // namespace bonedry::session
