#pragma once

#include "tests/support/deadline.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {

/// A folder of our own under /tmp, with a short name because Unix socket paths must be short.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

[[nodiscard]] std::string read_file(const std::string& path);  ///< "" when there is none
void write_file(const std::string& path, const std::string& text);

/// How a child ended.
struct ChildExit {
  int code = 0;    ///< its exit code, when signal is 0
  int signal = 0;  ///< what killed it
};

/// A program started as a child, its output captured to files. Killed with its owner, and with the
/// thread that started it.
class ChildProcess {
 public:
  struct Command {
    std::vector<std::string> arguments;         ///< the program's path first
    std::vector<std::string> environment = {};  ///< added to ours: "NAME=value"
    std::string out_path = "/dev/null";
    std::string err_path = "/dev/null";
    std::optional<unsigned> descriptors = std::nullopt;  ///< RLIMIT_NOFILE, soft and hard
  };

  explicit ChildProcess(const Command& command);
  /// One that a child of ours has started. When its parent ends it is ours, see `adopt_orphans`.
  explicit ChildProcess(pid_t pid);
  /// From here on, children of children that end are our own.
  static void adopt_orphans();
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number);
  /// Nothing when it is still running at the deadline.
  [[nodiscard]] std::optional<ChildExit> wait(Millis deadline);
  [[nodiscard]] bool running() { return !wait(Millis{0}).has_value(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;  ///< becomes readable at the child's end
  std::optional<ChildExit> exit_;
};

/// A program run to its end.
struct RunResult {
  int code = -1;  ///< -1: killed, or still running at the deadline
  std::string out;
  std::string err;
  TestTime ended;
};

[[nodiscard]] RunResult run_program(std::vector<std::string> arguments,
                                    std::vector<std::string> environment = {},
                                    Millis deadline = kDeadline);

/// The complaints of a sanitizer in a program's error output; "" when there are none.
[[nodiscard]] std::string sanitizer_report(const std::string& err);

}  // namespace bonedry::test
