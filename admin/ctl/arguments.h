#pragma once

#include "admin/command_line.h"
#include "admin/ctl/admin_request.h"
#include "admin/ctl/exit_code.h"
#include "admin/ctl/roll/roll_options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace bonedry::ctl {

/// Whether to wait for dryness once a bleed has been accepted.
enum class AfterBleed : std::uint8_t { exit, wait };

/// What the operator asked for.
struct Invocation {
  ProxyAddress proxy;
  /// The command as the socket takes it, without the last word `json`. It parses to `command`.
  std::string line;
  admin::CommandLine command;
  admin::Format format = admin::Format::text;  ///< of what goes to stdout
  AfterBleed after_bleed = AfterBleed::exit;
  std::optional<Millis> timeout;         ///< of the wait
  std::optional<RollOptions> roll = {};  ///< set: carry out a roll; `line` only shows it
  /// Set: show a screen of this pool, or of all if it is empty; `line` shows the same once.
  std::optional<std::string> watch = {};
};

/// Reads the arguments. If they only ask for help, or are wrong, prints the text and returns the
/// code to exit with.
[[nodiscard]] std::variant<Invocation, ExitCode> read_arguments(int argc, char** argv);

}  // namespace bonedry::ctl
