#include "proxy/tls/ticket_keys.h"

#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bonedry::tls {
namespace {

template <std::size_t size>
void fill(std::array<std::uint8_t, size>& bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(size)) != 1) {
    throw std::runtime_error("OpenSSL has no random numbers");
  }
}

constexpr std::size_t kKeyBytes = 16 + 32 + 32;

template <std::size_t size>
const char* copy_from(const char* at, std::array<std::uint8_t, size>& into) {
  std::copy_n(at, size, into.begin());
  return at + size;
}

TicketKey make_key() {
  TicketKey key;
  fill(key.name);
  fill(key.cipher);
  fill(key.mac);
  return key;
}

}  // namespace

TicketKeys::TicketKeys(WallTime now) : keys_{make_key()}, created_(now) {}

TicketKeys TicketKeys::rotated(WallTime now) const {
  std::vector<TicketKey> keys{make_key()};
  const std::size_t kept = std::min(keys_.size(), kKept - 1);
  keys.insert(keys.end(), keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(kept));
  return {std::move(keys), now};
}

bool TicketKeys::is_rotation_due(WallTime now) const {
  const std::int64_t age = now.ms - created_.ms;
  return age >= kRotation.count() || age < 0;
}

std::string TicketKeys::serialize() const {
  std::string bytes = std::to_string(created_.ms) + "\n";
  for (const TicketKey& key : keys_) {
    bytes.append(key.name.begin(), key.name.end());
    bytes.append(key.cipher.begin(), key.cipher.end());
    bytes.append(key.mac.begin(), key.mac.end());
  }
  return bytes;
}

std::shared_ptr<const TicketKeys> TicketKeys::parse(std::string_view bytes) {
  const std::size_t line = bytes.find('\n');
  if (line == std::string_view::npos) return nullptr;
  std::int64_t created = 0;
  const char* const end = bytes.data() + line;
  const auto number = std::from_chars(bytes.data(), end, created);
  bytes.remove_prefix(line + 1);
  const bool whole = !bytes.empty() && bytes.size() % kKeyBytes == 0 &&
                     bytes.size() / kKeyBytes <= kKept && number.ec == std::errc{} &&
                     number.ptr == end;
  if (!whole) return nullptr;
  std::vector<TicketKey> keys;
  for (; !bytes.empty(); bytes.remove_prefix(kKeyBytes)) {
    TicketKey& key = keys.emplace_back();
    const char* at = bytes.data();
    at = copy_from(at, key.name);
    at = copy_from(at, key.cipher);
    copy_from(at, key.mac);
  }
  return std::shared_ptr<const TicketKeys>(new TicketKeys(std::move(keys), WallTime{created}));
}

const TicketKey* TicketKeys::find(const std::uint8_t* name) const {
  const auto key = std::ranges::find_if(keys_, [name](const TicketKey& one) {
    return std::equal(one.name.begin(), one.name.end(), name);
  });
  return key == keys_.end() ? nullptr : &*key;
}

}  // namespace bonedry::tls
