#include "proxy/base/file.h"

#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace bonedry {
namespace {

Failure<std::string> failed(std::string_view what, const std::string& path) {
  return Failure{"cannot " + std::string(what) + " " + path + ": " + errno_text(errno)};
}

Failure<std::string> too_large(const std::string& path, std::size_t limit) {
  constexpr std::size_t kMebibyte = 1024U * 1024;
  const std::string size = limit < kMebibyte ? std::to_string(limit / 1024) + " KiB"
                                             : std::to_string(limit / kMebibyte) + " MiB";
  return Failure{"cannot read " + path + ": it is larger than " + size};
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

UniqueFd open_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return UniqueFd{
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

}  // namespace

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  // A FIFO must not hold us up until somebody writes to it.
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  const auto no_file = [&path] {
    return Failure{"cannot read " + path + ": it is not a regular file"};
  };
  if (!file.is_open()) return errno == ENXIO ? no_file() : failed("read", path);  // a socket
  struct stat there {};
  if (::fstat(file.get(), &there) != 0) return failed("read", path);
  errno = EISDIR;
  if (S_ISDIR(there.st_mode)) return failed("read", path);
  if (!S_ISREG(there.st_mode)) return no_file();
  std::string content;
  std::array<char, 16384> part{};
  while (true) {
    const ssize_t size = ::read(file.get(), part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed("read", path);
    if (size == 0) return content;
    content.append(part.data(), static_cast<std::size_t>(size));
    if (content.size() > limit) return too_large(path, limit);
  }
}

bool is_absent(const std::string& path) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) != 0 && errno == ENOENT;
}

Result<> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string beside = path + ".new";
  const UniqueFd folder =
      open_folder_of(path);  // there may be no descriptor left behind the rename
  if (!folder.is_open()) return failed("write", beside);
  // What is left of an attempt that was cut off goes, and so does a link or a FIFO of that name.
  ::unlink(beside.c_str());
  UniqueFd file{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!file.is_open()) return failed("write", beside);
  if (::fchmod(file.get(), mode) != 0 || !write_all(file.get(), content) ||
      ::fsync(file.get()) != 0) {
    const auto failure = failed("write", beside);
    ::unlink(beside.c_str());
    return failure;
  }
  file.reset();
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("write", path);
  return ::fsync(folder.get()) == 0 ? Result<>{Done{}} : failed("sync the directory of", path);
}

Result<> sync_folder_of(const std::string& path) {
  const UniqueFd folder = open_folder_of(path);
  if (!folder.is_open() || ::fsync(folder.get()) != 0) return failed("sync the directory of", path);
  return Done{};
}

Result<> make_folder(const std::string& path, mode_t mode) {
  std::error_code error;
  // A slash at the end would make the folder its own parent.
  const std::filesystem::path folder(path.substr(0, path.find_last_not_of('/') + 1));
  if (std::filesystem::is_directory(folder, error)) return Done{};
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) return failed("create", path);
  if (!std::filesystem::is_directory(folder, error)) {
    return Failure{"cannot create " + path + ": a file of that name exists"};
  }
  return Done{};
}

}  // namespace bonedry
