#pragma once

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

namespace bonedry::admin {

/// A listening Unix stream socket and its file. The file has mode 0660 from its first moment and is
/// removed with this object, unless another process has put its own in the place meanwhile.
class SocketFile {
 public:
  /// What to do where another process answers.
  enum class IfInUse : std::uint8_t { refuse, replace };
  /// Makes the folder when it is missing, and replaces a file that a dead process left behind. The
  /// error is for the operator. The path may be about 99 bytes long.
  static Result<SocketFile> listen(const std::string& path, IfInUse if_in_use = IfInUse::refuse);
  /// All of it that is likely to fail: it listens, under another name than `path`.
  static Result<SocketFile> bind_temporary(const std::string& path, IfInUse if_in_use);
  /// Puts a temporary_path where clients look.
  Result<> publish();

  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

  /// The listening socket, non-blocking, for whoever accepts. The file stays with this.
  [[nodiscard]] UniqueFd take_socket() { return std::move(fd_); }

 private:
  SocketFile(std::string path, std::string temporary_path, UniqueFd fd, dev_t device, ino_t inode)
      : path_(std::move(path)),
        temporary_path_(std::move(temporary_path)),
        fd_(std::move(fd)),
        device_(device),
        inode_(inode) {}

  std::string path_;            // empty: moved away
  std::string temporary_path_;  // empty: it is at `path_`
  UniqueFd fd_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace bonedry::admin
