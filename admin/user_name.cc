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

std::string peer_name(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unknown";
  const std::unique_ptr<std::FILE, CloseFile> users(std::fopen("/etc/passwd", "re"));
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  while (users && ::fgetpwent_r(users.get(), &entry, text.data(), text.size(), &found) == 0) {
    if (entry.pw_uid == peer.uid) return entry.pw_name;
  }
  return "uid " + std::to_string(peer.uid);
}

}  // namespace bonedry::admin
