#pragma once

#include "admin/ctl/exit_code.h"
#include "proxy/base/unique_fd.h"

#include <csignal>
#include <initializer_list>
#include <optional>

namespace bonedry::ctl {

/// Signals that end a program, as something to poll for. They stay blocked for the rest of the
/// process.
class Interrupts {
 public:
  explicit Interrupts(std::initializer_list<int> numbers = {SIGINT, SIGTERM});

  /// Readable when `take` has something.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The exit code of the signal that came; nothing: none did. Each is reported once.
  [[nodiscard]] std::optional<ExitCode> take();

 private:
  UniqueFd fd_;
};

}  // namespace bonedry::ctl
