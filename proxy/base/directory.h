#pragma once

#include "proxy/base/result.h"

#include <cstdint>
#include <string>

namespace bonedry {

/// Who may create files in a directory, besides us and root.
enum class Writers : std::uint8_t {
  none,
  group,  ///< also others, where the sticky bit protects our files from them, as in /tmp
};

/// Checks that a directory belongs to us or root and that only `writers` may change it: others
/// could put files or links of their own there. The error says what is wrong and which chmod or
/// chown fixes it.
[[nodiscard]] Result<> check_directory(const std::string& path, Writers writers);

/// Whether we can create files in a directory or, if it is missing, the directory with its missing
/// parents. Changes nothing, and does not look at who else may write there.
[[nodiscard]] Result<> check_writable(const std::string& path);

}  // namespace bonedry
