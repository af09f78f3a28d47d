#include "proxy/io/directory_watch.h"

#include "proxy/base/file.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bonedry::io {
namespace {

constexpr std::uint32_t kChanges = IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |
                                   IN_DELETE_SELF | IN_MODIFY | IN_MOVE_SELF | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_ONLYDIR;

}  // namespace

Result<> DirectoryWatch::watch(const std::set<std::string>& directories) {
  if (directories.empty()) {
    close();
    return Done{};
  }
  Result<> result = open();
  if (!result) return result;
  std::set<int> next;
  for (const std::string& directory : directories) {
    const int number = ::inotify_add_watch(fd_.get(), directory.c_str(), kChanges);
    if (number >= 0) {
      next.insert(number);
    } else if (result) {
      result = Failure{"cannot watch " + directory + ": " + errno_text(errno)};
    }
  }
  for (const int number : std::exchange(watched_, next)) {
    if (!next.contains(number)) (void)::inotify_rm_watch(fd_.get(), number);
  }
  return result;
}

Result<> DirectoryWatch::open() {
  if (fd_.is_open()) return Done{};
  fd_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd_.is_open()) return Failure{"cannot watch directories: inotify: " + errno_text(errno)};
  watcher_.emplace(loop_, fd_.get(), static_cast<ReadWatcher::Handler&>(*this));
  return Done{};
}

void DirectoryWatch::close() {
  watcher_.reset();
  fd_.reset();
  watched_.clear();
}

void DirectoryWatch::on_readable() {
  std::array<char, 4096> events{};
  while (::read(fd_.get(), events.data(), events.size()) > 0) continue;
  on_change_();
}

}  // namespace bonedry::io
