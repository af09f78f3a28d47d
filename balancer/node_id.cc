#include "balancer/node_id.h"

namespace bonedry::balancer {

std::optional<NodeId> NodeId::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return NodeId{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

}  // namespace bonedry::balancer
