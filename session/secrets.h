#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// The fewest characters that a secret in a file may have; the config loader requires as many.
constexpr std::size_t kSecretMinimum = 32;

/// Whether cookies sealed with these secrets may have been issued before this start.
enum class SecretAge : std::uint8_t {
  generated,  ///< generated just now: no cookie sealed with it can exist
  existing,
};

struct Secrets {
  std::vector<std::string> all;  ///< first seals, all open; never empty
  SecretAge age = SecretAge::existing;
};

/// Identifies a secret in what is kept on the disk, without revealing it. Never 0.
[[nodiscard]] std::uint64_t secret_id(std::string_view secret);

/// The secrets of the config; or of its secret file, one per line; or the one in `state_dir`, which
/// is created there with mode 0600 when it is missing. Errors never show a secret.
[[nodiscard]] Result<Secrets> load_secrets(const conf::Server& config);

}  // namespace bonedry::session
