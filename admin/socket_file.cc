#include "admin/socket_file.h"

#include "proxy/base/directory.h"
#include "proxy/base/file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace bonedry::admin {
namespace {

constexpr mode_t kSocketMode = 0660;
constexpr mode_t kDirectoryMode = 0755;
/// Clients that may wait to be accepted: a burst as large as the number of connections we keep.
constexpr int kBacklog = 1024;

std::string because(const std::string& what, int error) {
  return what + ": " + errno_text(error);
}

Result<> make_parent_directory(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) return Done{};
  auto made = make_directory(directory, kDirectoryMode);
  if (made) {
    auto safe = check_directory(directory, Writers::group);
    return safe ? safe : Failure{"the admin socket is not secure: " + safe.error()};
  }
  return Failure{"the directory of the admin socket is missing: " + made.error()};
}

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

UniqueFd open_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// Succeeds if the path is free or the file there may be replaced.
Result<> check_free(const std::string& path, const sockaddr_un& address,
                    SocketFile::IfInUse if_in_use) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return Done{};
    return Failure{because("cannot check the admin socket " + path, errno)};
  }
  if (!S_ISSOCK(there.st_mode)) {
    return Failure{path +
                   " already exists and is not a socket; remove it or choose another "
                   "path for the admin socket"};
  }
  if (if_in_use == SocketFile::IfInUse::replace) return Done{};
  const UniqueFd probe = open_socket();
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN) {
    return Failure{"another bonedry is listening on " + path +
                   "; stop it, or configure a different [admin] socket"};
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return Done{};
  return Failure{
      because("cannot tell whether another bonedry uses the admin socket " + path, errno)};
}

}  // namespace

Result<SocketFile> SocketFile::listen(const std::string& path, IfInUse if_in_use) {
  Result<SocketFile> socket = bind_temporary(path, if_in_use);
  if (!socket) return socket;
  const Result<> published = socket->publish();
  if (!published) return Failure{published.error()};
  return socket;
}

Result<> SocketFile::publish() {
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return Failure{because("cannot listen on the admin socket " + path_, errno)};
  }
  temporary_path_.clear();
  return Done{};
}

Result<SocketFile> SocketFile::bind_temporary(const std::string& path, IfInUse if_in_use) {
  // Bound under another name first, so that the socket at `path` always accepts and has its mode.
  const std::string temporary_path = path + "." + std::to_string(::getpid());
  const auto address = address_of(path);
  const auto temporary_address = address_of(temporary_path);
  if (path.empty() || !address || !temporary_address) {
    return Failure{
        "the path of the admin socket must have 1 to " +
        std::to_string(sizeof(sockaddr_un::sun_path) - 1 - (temporary_path.size() - path.size())) +
        " bytes; '" + path + "' has " + std::to_string(path.size())};
  }
  if (auto made = make_parent_directory(path); !made) return Failure{made.error()};
  if (auto free = check_free(path, *address, if_in_use); !free) return Failure{free.error()};

  const std::string failed = "cannot listen on the admin socket " + path;
  UniqueFd fd = open_socket();
  // Linux gives the file the mode of the socket minus the umask: never too many permissions,
  // perhaps too few.
  if (!fd.is_open() || ::fchmod(fd.get(), kSocketMode) != 0) return Failure{because(failed, errno)};
  ::unlink(temporary_path.c_str());
  if (::bind(fd.get(), generic(*temporary_address), sizeof *temporary_address) != 0) {
    return Failure{because(failed, errno)};
  }
  struct stat made {};
  if (::chmod(temporary_path.c_str(), kSocketMode) != 0 ||
      ::lstat(temporary_path.c_str(), &made) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(temporary_path.c_str());
    return Failure{because(failed, error)};
  }
  return SocketFile(path, temporary_path, std::move(fd), made.st_dev, made.st_ino);
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      temporary_path_(std::move(other.temporary_path_)),
      fd_(std::move(other.fd_)),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile::~SocketFile() {
  if (path_.empty()) return;
  const std::string& name = temporary_path_.empty() ? path_ : temporary_path_;
  struct stat there {};
  const bool ours =
      ::lstat(name.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_;
  if (ours) ::unlink(name.c_str());
}

}  // namespace bonedry::admin
