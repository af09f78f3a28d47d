#pragma once

#include "proxy/base/result.h"

#include <cstdint>
#include <string>

namespace bonedry {

/// Who may put files into a folder, besides us and root.
enum class Writers : std::uint8_t {
  none,
  group,  ///< and, as in /tmp, others, where the sticky bit keeps them off files that are ours
};

/// A folder of somebody else, or one that others may change, is no place for our files: they could
/// put files or links of their own there. The error says what is wrong and which chmod or chown
/// mends it.
[[nodiscard]] Result<> check_folder(const std::string& path, Writers writers);

}  // namespace bonedry
