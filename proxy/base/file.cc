#include "proxy/base/file.h"

#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>
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
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  return UniqueFd{
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

/// The new file, until it replaces the other.
std::string beside(const std::string& path) {
  return path + ".new";
}

enum class Sync : std::uint8_t { no, yes };

Result<> write_beside(const std::string& path, std::string_view content, mode_t mode, Sync sync) {
  const std::string name = beside(path);
  // Removes what an interrupted attempt left behind, and a link or a FIFO of that name.
  ::unlink(name.c_str());
  const UniqueFd file{
      ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!file.is_open()) return failed("write", name);
  const bool written = ::fchmod(file.get(), mode) == 0 && write_all(file.get(), content) &&
                       (sync == Sync::no || ::fsync(file.get()) == 0);
  if (written) return Done{};
  const auto failure = failed("write", name);
  ::unlink(name.c_str());
  return failure;
}

}  // namespace

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
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
  const UniqueFd directory =
      open_folder_of(path);  // opened now: after the rename no descriptor may be free
  if (!directory.is_open()) return failed("write", beside(path));
  const Result<> written = write_beside(path, content, mode, Sync::yes);
  if (!written) return written;
  if (::rename(beside(path).c_str(), path.c_str()) != 0) return failed("write", path);
  return ::fsync(directory.get()) == 0 ? Result<>{Done{}} : failed("sync the directory of", path);
}

Result<> replace_file_unsynced(const std::string& path, std::string_view content, mode_t mode) {
  const Result<> written = write_beside(path, content, mode, Sync::no);
  if (!written) return written;
  if (::rename(beside(path).c_str(), path.c_str()) != 0) return failed("write", path);
  return Done{};
}

Result<> sync_directory_of(const std::string& path) {
  const UniqueFd directory = open_folder_of(path);
  if (!directory.is_open() || ::fsync(directory.get()) != 0)
    return failed("sync the directory of", path);
  return Done{};
}

Result<> make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  // With a trailing slash the directory would be its own parent.
  const std::filesystem::path directory(path.substr(0, path.find_last_not_of('/') + 1));
  if (std::filesystem::is_directory(directory, error)) return Done{};
  if (directory.has_parent_path())
    std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) return failed("create", path);
  if (!std::filesystem::is_directory(directory, error)) {
    return Failure{"cannot create " + path + ": a file of that name exists"};
  }
  return Done{};
}

}  // namespace bonedry
