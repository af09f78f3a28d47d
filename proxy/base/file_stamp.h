#pragma once

#include <cstdint>
#include <string>

namespace bonedry {

/// What stat(2) says of the file at the end of all symbolic links: another stamp means that the
/// file was written, replaced, or given other permissions. All zeros if there is none, or it cannot
/// be reached.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  ///< content
  std::int64_t changed_ns = 0;   ///< content, owner, mode, links

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

[[nodiscard]] FileStamp stamp_of(const std::string& path);

}  // namespace bonedry
