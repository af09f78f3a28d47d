#pragma once

#include "admin/access/rights.h"
#include "conf/config.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace bonedry::admin::access {

/// Who is at the other end, as the kernel tells.
enum class Peer : std::uint8_t {
  owner,  ///< root, or the user that the proxy runs as: may do everything without a token
  other,
  remote,  ///< on another machine, perhaps: may do nothing without a token
};

/// Says what somebody may do who presents a token, or none. Knows no socket, and changes nothing.
class Tokens {
 public:
  /// Refers to `config`, which must outlive this.
  explicit Tokens(const conf::Admin& config) : config_(config) {}

  /// A wrong token is an error, whoever presents it: it is never treated as none. A right one has
  /// its scope, whoever presents it. All tokens are compared, however many there are.
  [[nodiscard]] Result<Rights> rights_of(Peer peer, std::optional<std::string_view> token) const;

 private:
  [[nodiscard]] Rights without_token(Peer peer) const;

  const conf::Admin& config_;
};

}  // namespace bonedry::admin::access
