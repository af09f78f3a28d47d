#pragma once

#include <cstdint>

namespace bonedry::admin::access {

/// What somebody must be allowed in order to give a command.
enum class Need : std::uint8_t {
  anything,   ///< anything at all
  read,       ///< to ask for anything
  read_node,  ///< the same, or to bleed the node that the command names
  bleed,      ///< to bleed the node that the command names
  operate,    ///< everything
};

}  // namespace bonedry::admin::access
