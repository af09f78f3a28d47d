#include "proxy/base/boot_id.h"

#include "proxy/base/file.h"

namespace bonedry {

std::string boot_id() {
  const Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id");
  return id ? id->substr(0, id->find('\n')) : std::string();
}

}  // namespace bonedry
