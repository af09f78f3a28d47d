#pragma once

#include "admin/event.h"
#include "conf/config.h"
#include "proxy/base/clock.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::admin {

/// A command to run for an event: a value.
struct HookCommand {
  std::string name;                      ///< "dry shop/alice", for the log
  std::vector<std::string> words;        ///< absolute path of the program, arguments
  std::vector<std::string> environment;  ///< all of it: "NAME=value"
  std::string input;                     ///< for its standard input
  Millis timeout{0};
};

/// The hook that an event is for; nothing for most events. `up` is for a node that was down: at a
/// start every node becomes up, which is no news.
[[nodiscard]] std::optional<conf::HookEvent> hook_event(const Event& event);

/// The facts in the environment, the event as JSON on standard input. `path`: $PATH of the program.
/// `address` may be empty.
[[nodiscard]] HookCommand hook_command(const conf::Hooks& hooks, conf::HookEvent hook,
                                       const Event& event, const std::string& address,
                                       const std::string& path);

}  // namespace bonedry::admin
