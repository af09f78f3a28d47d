#pragma once

#include "conf/config.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {

/// The fewest characters of a secret that a file may hold; the config loader asks for as many.
constexpr std::size_t kSecretMinimum = 32;

/// Whether cookies sealed with these secrets can have been issued before this start.
enum class SecretAge : std::uint8_t {
  generated,  ///< made just now: no cookie of it can exist
  existing,
};

struct Secrets {
  std::vector<std::string> all;  ///< first seals, all open; never empty
  SecretAge age = SecretAge::existing;
};

/// Tells secrets apart in what is kept on the disk, and gives nothing away. Never 0.
[[nodiscard]] std::uint64_t secret_id(std::string_view secret);

/// The secrets of the config; or of its file, one a line; or the one in `state_dir`, which is made
/// there with mode 0600 when it is missing. Errors never show a secret.
[[nodiscard]] Result<Secrets> load_secrets(const conf::Server& config);

}  // namespace bonedry::session
