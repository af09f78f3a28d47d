#pragma once

#include "tests/support/deadline.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {

/// A directory of our own under /tmp; its name is short because Unix socket paths must be short.
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

[[nodiscard]] std::string read_file(const std::string& path);  ///< "" when there is no such file
void write_file(const std::string& path, const std::string& text);

/// How a child ended.
struct ChildExit {
  int code = 0;    ///< its exit code, when signal is 0
  int signal = 0;  ///< the signal that killed it, or 0
};

/// A program started as a child, with its output captured in files. It is killed with this object,
/// and when the thread that started it ends.
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
  /// A process that one of our children has started. We can wait for it once its parent has ended,
  /// see `adopt_orphans`.
  explicit ChildProcess(pid_t pid);
  /// From here on, orphaned descendants become our own children.
  static void adopt_orphans();
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number);
  /// Empty when it is still running at the deadline.
  [[nodiscard]] std::optional<ChildExit> wait(Millis deadline);
  [[nodiscard]] bool running() { return !wait(Millis{0}).has_value(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;  ///< becomes readable when the child ends
  std::optional<ChildExit> exit_;
};

/// The result of a program that has run to its end.
struct RunResult {
  int code = -1;  ///< -1: killed, or still running at the deadline
  std::string out;
  std::string err;
  TestTime ended;
};

[[nodiscard]] RunResult run_program(std::vector<std::string> arguments,
                                    std::vector<std::string> environment = {},
                                    Millis deadline = kDeadline);

/// The sanitizer reports in a program's error output; "" when there are none.
[[nodiscard]] std::string sanitizer_report(const std::string& err);

}  // namespace bonedry::test
