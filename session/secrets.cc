#include "session/secrets.h"

#include "proxy/base/file.h"
#include "session/hmac.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <span>
#include <sstream>
#include <string_view>

namespace bonedry::session {
namespace {

constexpr std::size_t kGeneratedBytes = 32;
constexpr std::size_t kMaxFileBytes = 64U * 1024;

/// Precedes the checksum in a secret file of ours; other readers take it for a comment.
constexpr std::string_view kCheck = "# check ";

std::string hex(std::span<const unsigned char> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

/// Shorter than a secret may be, so that it does not pass for one when its "#" is damaged.
std::string check_line(const std::string& secret) {
  const Digest digest = hmac_sha256(secret, "bonedry secret file");
  return std::string(kCheck) + hex(std::span(digest).first<8>());
}

Result<std::vector<std::string>> read_secrets(const std::string& path, const std::string& content) {
  std::vector<std::string> secrets;
  std::istringstream lines(content);
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
  if (secrets.empty()) return Failure{path + ": contains no secret; expected one per line"};
  return secrets;
}

Result<Secrets> generate(const std::string& path) {
  std::array<unsigned char, kGeneratedBytes> bytes{};
  if (RAND_bytes(bytes.data(), int{bytes.size()}) != 1) {
    return Failure<std::string>{"cannot generate a secret: no random numbers from the system"};
  }
  const std::string secret = hex(bytes);
  const Result<> written = replace_file(path, check_line(secret) + "\n" + secret + "\n", 0600);
  if (!written) return Failure{written.error()};
  return Secrets{{secret}, SecretAge::generated};
}

/// Whether the file's checksum, if it has one, is that of its first secret.
bool passes_check(const std::string& content, const std::string& secret) {
  if (!content.starts_with(kCheck)) return true;
  return content.substr(0, content.find_first_of("\r\n")) == check_line(secret);
}

}  // namespace

std::uint64_t secret_id(std::string_view secret) {
  const Digest digest = hmac_sha256(secret, "bonedry ledger");
  std::uint64_t id = 0;
  std::memcpy(&id, digest.data(), sizeof(id));
  return id | 1U;
}

Result<Secrets> load_secrets(const conf::Server& config) {
  if (!config.secrets.empty()) return Secrets{config.secrets, SecretAge::existing};
  const bool own = config.secret_file.empty();
  const std::string path = own ? config.state_dir + "/secret" : config.secret_file;
  if (own && is_absent(path)) return generate(path);
  const Result<std::string> content = read_file(path, kMaxFileBytes);
  if (!content) return Failure{content.error()};
  Result<std::vector<std::string>> secrets = read_secrets(path, *content);
  if (!secrets) return Failure{secrets.error()};
  if (own && !passes_check(*content, secrets->front())) {
    return Failure{path +
                   ": damaged, its check does not match the secret; restore a backup, or "
                   "remove the file, which makes all users new. If you edited it, remove the "
                   "line with the check"};
  }
  return Secrets{std::move(*secrets), SecretAge::existing};
}

}  // namespace bonedry::session
