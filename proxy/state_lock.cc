#include "proxy/state_lock.h"

#include "proxy/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace bonedry::proxy {
namespace {

bool is_regular(int fd) {
  struct stat there {};
  return ::fstat(fd, &there) == 0 && S_ISREG(there.st_mode);
}

}  // namespace

Result<UniqueFd> lock_state(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY;
  UniqueFd lock{::open(path.c_str(), kFlags, 0600)};
  if (!lock.is_open() && errno == ELOOP) return Failure{path + " is a symbolic link; remove it"};
  if (!lock.is_open()) return Failure{"cannot write " + path + ": " + errno_text(errno)};
  if (!is_regular(lock.get())) return Failure{path + " is not a regular file; remove it"};
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Failure{"another bonedry is using the state directory " + state_dir};
  }
  return lock;
}

}  // namespace bonedry::proxy
