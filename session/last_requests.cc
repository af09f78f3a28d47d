#include "session/last_requests.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace bonedry::session {

LastRequests::LastRequests(std::size_t sessions) {
  const std::size_t count = std::bit_ceil(std::max<std::size_t>(sessions, 1));
  // Pages that are never written to take no memory.
  void* const bytes = ::mmap(nullptr, count * sizeof(Entry), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) throw std::bad_alloc();
  entries_ = {static_cast<Entry*>(bytes), count};
}

LastRequests::~LastRequests() {
  ::munmap(entries_.data(), entries_.size_bytes());
}

void LastRequests::note(const SessionKey& key, std::string_view client, std::string_view path) {
  std::array<char, kWords * sizeof(std::uint64_t)> text{};
  std::ranges::copy(client.substr(0, kMaxClient), text.begin());
  std::ranges::copy(path.substr(0, kMaxPath), text.begin() + kMaxClient + 1);
  Entry& entry = entry_of(key);
  std::uint64_t version = entry.version.load(std::memory_order_relaxed);
  const bool ours = version % 2 == 0 && entry.version.compare_exchange_strong(
                                            version, version + 1, std::memory_order_acquire);
  if (!ours) return;
  entry.key.store(key.high, std::memory_order_release);
  for (std::size_t at = 0; at < kWords; ++at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at * sizeof(word), sizeof(word));
    entry.text[at].store(word, std::memory_order_release);
  }
  entry.version.store(version + 2, std::memory_order_release);
}

std::optional<LastRequest> LastRequests::find(const SessionKey& key) const {
  const Entry& entry = entry_of(key);
  std::array<char, kWords * sizeof(std::uint64_t)> text{};
  const std::uint64_t version = entry.version.load(std::memory_order_acquire);
  if (version == 0 || version % 2 != 0) return std::nullopt;
  if (entry.key.load(std::memory_order_acquire) != key.high) return std::nullopt;
  for (std::size_t at = 0; at < kWords; ++at) {
    const std::uint64_t word = entry.text[at].load(std::memory_order_acquire);
    std::memcpy(text.data() + at * sizeof(word), &word, sizeof(word));
  }
  if (entry.version.load(std::memory_order_acquire) != version) return std::nullopt;
  return LastRequest{text.data(), text.data() + kMaxClient + 1};
}

}  // namespace bonedry::session
