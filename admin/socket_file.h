#pragma once

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

namespace bonedry::admin {

/// A listening Unix stream socket and its file. The file has mode 0660 from its creation and is
/// removed with this object, unless another process has replaced it with its own meanwhile.
class SocketFile {
 public:
  /// What to do when another process is listening at the path.
  enum class IfInUse : std::uint8_t { refuse, replace };
  /// Creates the directory if it is missing, and replaces a file that a dead process left behind.
  /// The error is for the operator. The path may be about 99 bytes long.
  static Result<SocketFile> listen(const std::string& path, IfInUse if_in_use = IfInUse::refuse);
  /// Does all steps that are likely to fail: the socket listens, but under a temporary name instead
  /// of `path`.
  static Result<SocketFile> bind_temporary(const std::string& path, IfInUse if_in_use);
  /// Moves the file from its temporary name to the path that clients connect to.
  Result<> publish();

  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

  /// The listening socket, non-blocking, for the code that accepts. The file stays with this
  /// object.
  [[nodiscard]] UniqueFd take_socket() { return std::move(fd_); }

 private:
  SocketFile(std::string path, std::string temporary_path, UniqueFd fd, dev_t device, ino_t inode)
      : path_(std::move(path)),
        temporary_path_(std::move(temporary_path)),
        fd_(std::move(fd)),
        device_(device),
        inode_(inode) {}

  std::string path_;            // empty: moved from
  std::string temporary_path_;  // empty: the file is at `path_`
  UniqueFd fd_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace bonedry::admin
