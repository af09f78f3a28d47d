#pragma once

#include "proxy/base/result.h"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace bonedry {

/// "reason of errno", such as "No space left on device". Thread-safe.
[[nodiscard]] std::string errno_text(int error);

/// The whole of a file of at most `kReadLimit` bytes; the error names the path and the reason.
[[nodiscard]] Result<std::string> read_file(const std::string& path);
constexpr std::size_t kReadLimit = 16U * 1024 * 1024;  // config and state are far smaller

/// Replaces a file in one step (write beside it, fsync, rename, fsync of the folder): after a crash
/// at any point there is the old content or the new, never a mixture. The error names the path and
/// the reason; then the old content is still there.
[[nodiscard]] Outcome replace_file(const std::string& path, std::string_view content, mode_t mode);

/// Makes what was renamed or made in the folder of this file outlive a power cut.
[[nodiscard]] Outcome sync_folder_of(const std::string& path);

/// Makes the folder with `mode`, and its parents as the umask has it.
[[nodiscard]] Outcome make_folder(const std::string& path, mode_t mode);

}  // namespace bonedry
