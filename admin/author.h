#pragma once

#include <string>

namespace bonedry::admin {

/// Who asks for a change, and why.
struct Author {
  std::string by;           ///< e.g. "root"
  std::string reason = {};  ///< empty: none was given
};

}  // namespace bonedry::admin
