#pragma once

#include <spawn.h>

#include <csignal>
#include <string>
#include <vector>

namespace bonedry {

/// How a child that posix_spawn starts differs from this process: default signals, none of them
/// blocked, and a process group of its own. It has the descriptors of this process that are not
/// closed on exec, until `files` says otherwise. Used within one call.
class SpawnPlan {
 public:
  SpawnPlan() {
    sigset_t none;
    sigset_t ignored_here;
    sigemptyset(&none);
    sigemptyset(&ignored_here);
    sigaddset(&ignored_here, SIGPIPE);
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &ignored_here);
  }
  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
};

/// The texts as posix_spawn takes arguments and environments. `texts` must outlive the result.
[[nodiscard]] inline std::vector<char*> spawn_words(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace bonedry
