#include "admin/user_name.h"

#include <pwd.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <memory>

namespace bonedry::admin {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

std::optional<uid_t> peer_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

std::string peer_name(int fd) {
  const std::optional<uid_t> user = peer_user(fd);
  if (!user) return "unknown";
  const std::unique_ptr<std::FILE, CloseFile> users(std::fopen("/etc/passwd", "re"));
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  while (users && ::fgetpwent_r(users.get(), &entry, text.data(), text.size(), &found) == 0) {
    if (entry.pw_uid == *user) return entry.pw_name;
  }
  return "uid " + std::to_string(*user);
}

}  // namespace bonedry::admin
