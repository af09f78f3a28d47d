#include "session/secrets.h"

#include "proxy/base/file.h"
#include "session/hmac.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <sstream>

namespace bonedry::session {
namespace {

constexpr std::size_t kGeneratedBytes = 32;
constexpr std::size_t kMostFileBytes = 64U * 1024;

Result<std::vector<std::string>> read_secrets(const std::string& path) {
  const Result<std::string> content = read_file(path, kMostFileBytes);
  if (!content) return Failure{content.error()};
  std::vector<std::string> secrets;
  std::istringstream lines(*content);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    if (line.size() < kSecretMinimum) {
      return Failure{path + ":" + std::to_string(number) + ": the secret has " +
                     std::to_string(line.size()) + " characters; expected at least " +
                     std::to_string(kSecretMinimum)};
    }
    secrets.push_back(line);
  }
  if (secrets.empty()) return Failure{path + ": no secret in it; expected one a line"};
  return secrets;
}

Result<Secrets> generate(const std::string& path) {
  std::array<unsigned char, kGeneratedBytes> bytes{};
  if (RAND_bytes(bytes.data(), int{bytes.size()}) != 1) {
    return Failure<std::string>{"cannot make a secret: the system gives no random numbers"};
  }
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string secret;
  for (const unsigned char byte : bytes) {
    secret += kDigits[byte >> 4U];
    secret += kDigits[byte & 15U];
  }
  const Outcome written = replace_file(path, secret + "\n", 0600);
  if (!written) return Failure{written.error()};
  return Secrets{{secret}, SecretAge::brand_new};
}

}  // namespace

std::uint64_t secret_id(std::string_view secret) {
  const Digest digest = hmac_sha256(secret, "bonedry ledger");
  std::uint64_t id = 0;
  std::memcpy(&id, digest.data(), sizeof(id));
  return id | 1U;
}

Result<Secrets> load_secrets(const conf::Server& config) {
  if (!config.secrets.empty()) return Secrets{config.secrets, SecretAge::maybe_used};
  const bool own = config.secret_file.empty();
  const std::string path = own ? config.state_dir + "/secret" : config.secret_file;
  if (own && is_absent(path)) return generate(path);
  Result<std::vector<std::string>> secrets = read_secrets(path);
  if (!secrets) return Failure{secrets.error()};
  return Secrets{std::move(*secrets), SecretAge::maybe_used};
}

}  // namespace bonedry::session
