#pragma once

#include "session/ledger.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bonedry::session {

/// What a session's last request was, for people.
struct LastRequest {
  std::string client;  ///< address
  std::string path;    ///< of the target, without the query; cut off after kMaxPath bytes

  friend bool operator==(const LastRequest&, const LastRequest&) = default;
};

/// Remembers the last request of each session, in memory alone: who may read the state directory
/// does not learn it, and a new process begins with none. Thread-safe; takes no lock and allocates
/// nothing once it is made. A session may be forgotten for another one, and one of two requests
/// that end at the same moment is left out.
class LastRequests {
 public:
  static constexpr std::size_t kMaxPath = 64;

  /// `sessions`: the capacity of the ledger. Takes 128 bytes for each, as they are used. Throws
  /// std::bad_alloc.
  explicit LastRequests(std::size_t sessions);
  ~LastRequests();
  LastRequests(const LastRequests&) = delete;
  LastRequests& operator=(const LastRequests&) = delete;

  /// `client`: at most 46 bytes, the longest address. Control characters are for whoever shows
  /// them.
  void note(const SessionKey& key, std::string_view client, std::string_view path);
  [[nodiscard]] std::optional<LastRequest> find(const SessionKey& key) const;

 private:
  static constexpr std::size_t kMaxClient = 46;
  static constexpr std::size_t kWords = 14;  // both texts, each with a zero at its end
  static_assert(kMaxClient + 1 + kMaxPath + 1 == kWords * sizeof(std::uint64_t));
  struct Entry {
    std::atomic<std::uint64_t> version;  // odd: being written
    std::atomic<std::uint64_t> key;
    std::array<std::atomic<std::uint64_t>, kWords> text;
  };

  [[nodiscard]] Entry& entry_of(const SessionKey& key) const {
    return entries_[key.low & (entries_.size() - 1)];
  }

  std::span<Entry> entries_;  // a power of two
};

}  // namespace bonedry::session
