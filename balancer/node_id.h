#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::balancer {

/// Identifies a node: unique in the process, stable across reloads and restarts. Ordered by pool,
/// then by name.
struct NodeId {
  std::string pool;
  std::string name;  ///< of the node, within its pool

  /// Parses "POOL/NODE"; nothing if `text` has another form. Does not check the two names.
  [[nodiscard]] static std::optional<NodeId> parse(std::string_view text);
  /// "shop/alice"
  [[nodiscard]] std::string text() const { return pool + "/" + name; }

  friend auto operator<=>(const NodeId&, const NodeId&) = default;
  friend bool operator==(const NodeId&, const NodeId&) = default;
};

}  // namespace bonedry::balancer

template <>
struct std::hash<bonedry::balancer::NodeId> {
  std::size_t operator()(const bonedry::balancer::NodeId& id) const noexcept {
    const std::hash<std::string> one;
    return one(id.pool) * 31 + one(id.name);
  }
};
