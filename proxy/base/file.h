#pragma once

#include "proxy/base/result.h"

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace bonedry {

/// The text for an errno, such as "No space left on device". Thread-safe.
[[nodiscard]] std::string errno_text(int error);

constexpr std::size_t kReadLimit = 16U * 1024 * 1024;  // config and state are far smaller

/// Reads a whole regular file of at most `limit` bytes; the error names the path and the reason.
/// Never blocks: other kinds of file, such as a FIFO, are an error.
[[nodiscard]] Result<std::string> read_file(const std::string& path,
                                            std::size_t limit = kReadLimit);

/// Whether no file has this name. A dangling symbolic link counts as a file: its target may only be
/// unreachable for now, and must not be created again.
[[nodiscard]] bool is_absent(const std::string& path);

/// Replaces a file atomically (write a new file beside it, fsync, rename, fsync of the directory):
/// after a crash at any point the file has the old content or the new, never a mixture. The error
/// names the path and the reason. On an error the old content is kept, unless only the sync of the
/// directory failed: then the new content is in place, but a crash may bring back the old.
[[nodiscard]] Result<> replace_file(const std::string& path, std::string_view content, mode_t mode);

/// As `replace_file`, but without waiting for the disk: a power failure may leave the file empty or
/// with the old content. The end of the process does it no harm. For what may be lost.
[[nodiscard]] Result<> replace_file_unsynced(const std::string& path, std::string_view content,
                                             mode_t mode);

/// Syncs the directory of this file, so that files created or renamed in it survive a power
/// failure.
[[nodiscard]] Result<> sync_directory_of(const std::string& path);

/// Creates the directory with `mode`, and its missing parents with the mode that the umask allows.
[[nodiscard]] Result<> make_directory(const std::string& path, mode_t mode);

}  // namespace bonedry
