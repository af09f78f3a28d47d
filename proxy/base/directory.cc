#include "proxy/base/directory.h"

#include "proxy/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace bonedry {

namespace {

/// Removes the write permission of group and others from an empty directory of ours; false if that
/// is not possible. A file system that was just mounted there has the mode it was mounted with.
bool close_to_others(const std::string& path, const struct stat& there) {
  std::error_code unknown;
  return there.st_uid == ::geteuid() && std::filesystem::is_empty(path, unknown) && !unknown &&
         ::chmod(path.c_str(), there.st_mode & ~mode_t{S_IWGRP | S_IWOTH}) == 0;
}

}  // namespace

Result<> check_directory(const std::string& path, Writers writers) {
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0) {
    return Failure{"cannot check " + path + ": " + errno_text(errno)};
  }
  const std::string us = std::to_string(::geteuid());
  if (there.st_uid != ::geteuid() && there.st_uid != 0) {
    return Failure{"the directory " + path + " belongs to user " + std::to_string(there.st_uid) +
                   ", who could replace our files; choose another, or: chown " + us + " " + path};
  }
  if (writers == Writers::none && (there.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    if (close_to_others(path, there)) return Done{};
    return Failure{"other users may write to the directory " + path +
                   "; choose another, or: chmod go-w " + path};
  }
  const bool kept_apart = (there.st_mode & S_ISVTX) != 0;
  if ((there.st_mode & S_IWOTH) != 0 && !kept_apart) {
    return Failure{"all users may write to the directory " + path +
                   "; choose another, or: chmod o-w " + path};
  }
  return Done{};
}

Result<> check_writable(const std::string& path) {
  std::error_code unknown;
  std::filesystem::path existing = std::filesystem::absolute(path, unknown);
  struct stat there {};
  int error = 0;
  while ((error = ::stat(existing.c_str(), &there) == 0 ? 0 : errno) == ENOENT &&
         existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  if (error == 0 && !S_ISDIR(there.st_mode)) error = ENOTDIR;
  if (error == 0 && ::access(existing.c_str(), W_OK | X_OK) != 0) error = errno;
  if (error == 0) return Done{};
  return Failure{"cannot write to " + existing.string() + ": " + errno_text(error)};
}

}  // namespace bonedry
