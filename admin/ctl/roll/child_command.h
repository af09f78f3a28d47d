#pragma once

#include "admin/ctl/background.h"
#include "admin/ctl/interrupts.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bonedry::ctl {

/// A command of the operator, run as a child process.
struct ChildCommand {
  std::vector<std::string> words;  ///< program and arguments, as execvp(3) takes them
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours
  /// Where its standard output goes: ours is for JSON if that was asked for.
  enum class Output : std::uint8_t {
    standard_output,
    standard_error
  } output = Output::standard_output;
};

/// How it ended.
struct ChildEnd {
  enum class Kind : std::uint8_t { exited, killed, not_started } kind = Kind::exited;
  int value = 0;                             ///< exit code, signal, or errno
  std::optional<ExitCode> interrupted = {};  ///< the signal that bonedryctl got meanwhile

  [[nodiscard]] bool is_success() const { return kind == Kind::exited && value == 0; }
};
/// "exit code 3", "killed by signal 9", "cannot run ./deploy: No such file or directory"
[[nodiscard]] std::string to_text(const ChildEnd& end, const ChildCommand& command);

/// Runs the command to its end, and the background meanwhile. SIGTERM is passed on to it; SIGINT
/// comes from a terminal, which sends it to the child as well. The child also gets SIGTERM when the
/// background is over, and when bonedryctl is killed: it must not go on while somebody else runs
/// the roll. What it has started itself, and a set-user-ID program, is not reached by the latter.
[[nodiscard]] ChildEnd run(const ChildCommand& command, Interrupts& interrupts,
                           Background& background);

}  // namespace bonedry::ctl
