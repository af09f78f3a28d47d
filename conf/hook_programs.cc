#include "conf/hook_programs.h"

#include "proxy/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace bonedry::conf {
namespace {

/// Empty: it can be executed.
std::string program_error(const std::string& path) {
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0) return errno_text(errno);
  if (!S_ISREG(there.st_mode)) return "not a regular file";
  return ::access(path.c_str(), X_OK) == 0 ? "" : "not executable: " + errno_text(errno);
}

}  // namespace

std::vector<Problem> missing_programs(const Hooks& hooks) {
  std::vector<Problem> all;
  for (std::size_t event = 0; event < kHookEvents; ++event) {
    if (hooks.commands[event].empty()) continue;
    const std::string& program = hooks.commands[event].front();
    const std::string error = program_error(program);
    if (error.empty()) continue;
    const Place place{kNowhere, "hooks." + std::string{kHookEventNames[event]}};
    all.push_back({Problem::Severity::warning, place, "cannot run " + program + ": " + error});
  }
  return all;
}

}  // namespace bonedry::conf
