#pragma once

#include "session/hmac.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace bonedry::admin::cluster {

/// Names a node in the index, the same on all members: 64 bits of a hash of "pool/node".
struct NodeTag {
  std::uint64_t bits = 0;

  [[nodiscard]] static NodeTag of(std::string_view node_key) {
    const session::Digest digest = session::hmac_sha256("bonedry node tag", node_key);
    NodeTag tag;
    for (std::size_t i = 0; i < sizeof(tag.bits); ++i) tag.bits = tag.bits << 8U | digest[i];
    return tag;
  }

  friend auto operator<=>(NodeTag, NodeTag) = default;
};

}  // namespace bonedry::admin::cluster

template <>
struct std::hash<bonedry::admin::cluster::NodeTag> {
  std::size_t operator()(bonedry::admin::cluster::NodeTag tag) const noexcept {
    return static_cast<std::size_t>(tag.bits);
  }
};
