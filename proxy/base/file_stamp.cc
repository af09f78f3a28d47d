#include "proxy/base/file_stamp.h"

#include <sys/stat.h>

namespace bonedry {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};
  return {file.st_dev, file.st_ino, file.st_size, nanoseconds(file.st_mtim),
          nanoseconds(file.st_ctim)};
}

}  // namespace bonedry
