#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bonedry::demo {

/// A node in the proxy's status.
struct NodeStatus {
  std::string state;
  std::string health;
  bool dry = false;
  std::int64_t live = 0;
  std::int64_t pending = 0;
  std::int64_t exchanges_open = 0;
  std::uint64_t moved = 0;
  std::uint64_t rescued = 0;
  std::uint64_t late = 0;

  [[nodiscard]] std::int64_t sessions() const { return live + pending; }
};

/// How a proxy's counts of sessions stand to the true ones.
enum class Counted : std::uint8_t { exactly, at_least, at_most };

/// The contents of `status json`.
struct Status {
  std::map<std::string, NodeStatus> nodes;  ///< of the requested pool, by name
  std::uint16_t port = 0;                   ///< of its listener
  Counted counted = Counted::exactly;
  bool serves = true;  ///< false: it has not met the other proxies yet
};

/// Empty when the text is not a status, or not one of this pool.
[[nodiscard]] std::optional<Status> parse_status(const std::string& text, const std::string& pool);

}  // namespace bonedry::demo
