#pragma once

#include "proxy/base/clock.h"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bonedry::demo {

/// A program started by this process, in a process group of its own, so that Ctrl-C reaches only
/// us. Its output goes to a file. It is killed with this object, and when our process ends in any
/// way.
class Child {
 public:
  /// Throws std::runtime_error when the program cannot be started.
  Child(const std::vector<std::string>& command, const std::filesystem::path& output);
  /// Kills it if it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] bool running();
  /// How it ended: "exit code 3", "signal 9".
  [[nodiscard]] std::string exit_description() const;
  /// Does nothing if it has ended.
  void send(int signal);
  /// Sends SIGTERM and waits; kills it after `grace`. Returns whether it ended in time.
  bool terminate(Millis grace);

 private:
  void reap(int options);

  pid_t pid_ = -1;       // negative: it has ended
  int wait_status_ = 0;  // from waitpid
};

}  // namespace bonedry::demo
