#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::ctl {

/// What the operator asked `bonedryctl roll` to do.
struct RollOptions {
  std::string pool;
  std::vector<std::string> command;  ///< program and arguments; no shell
  std::string test;                  ///< for the shell; empty: none
  std::vector<std::string> only;     ///< empty: all nodes of the pool
  std::optional<Millis> deadline;    ///< of each bleed; nothing: users are never moved
  Millis settle{0};
  Millis health_timeout = std::chrono::minutes{5};
  enum class OnFailure : std::uint8_t { stop, keep_going } on_failure = OnFailure::stop;
  enum class Mode : std::uint8_t { run, dry_run } mode = Mode::run;
};

}  // namespace bonedry::ctl
