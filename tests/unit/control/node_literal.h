#pragma once

#include "balancer/node_id.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace bonedry::admin {

/// The node of a text such as "shop/alice", which must have that form.
inline balancer::NodeId node_id(std::string_view text) {
  return balancer::NodeId::parse(text).value();
}

inline balancer::NodeId operator""_node(const char* text, std::size_t size) {
  return node_id({text, size});
}

}  // namespace bonedry::admin
