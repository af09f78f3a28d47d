#pragma once

#include "proxy/base/result.h"

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace bonedry {

/// "reason of errno", such as "No space left on device". Thread-safe.
[[nodiscard]] std::string errno_text(int error);

constexpr std::size_t kReadLimit = 16U * 1024 * 1024;  // config and state are far smaller

/// The whole of a regular file of at most `limit` bytes; the error names the path and the reason.
/// Waits for nobody, whatever lies there.
[[nodiscard]] Result<std::string> read_file(const std::string& path,
                                            std::size_t limit = kReadLimit);

/// Whether nothing has this name. A link that leads nowhere is something: what belongs there may
/// only be out of reach for now, and must not be made anew.
[[nodiscard]] bool is_absent(const std::string& path);

/// Replaces a file in one step (write beside it, fsync, rename, fsync of the folder): after a crash
/// at any point there is the old content or the new, never a mixture. The error names the path and
/// the reason; then the old content is still there, unless it is the folder that cannot be synced:
/// then the new one is, and a crash may bring back the old one.
[[nodiscard]] Result<> replace_file(const std::string& path, std::string_view content, mode_t mode);

/// Makes what was renamed or made in the folder of this file outlive a power cut.
[[nodiscard]] Result<> sync_folder_of(const std::string& path);

/// Makes the folder with `mode`, and its parents as the umask has it.
[[nodiscard]] Result<> make_folder(const std::string& path, mode_t mode);

}  // namespace bonedry
