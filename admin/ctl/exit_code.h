#pragma once

namespace bonedry::ctl {

/// Exit codes of bonedryctl. An interface: scripts depend on them.
enum class ExitCode : int {
  done = 0,  ///< for a wait: dry
  refused = 1,
  usage = 2,
  timed_out = 3,
  cannot_succeed = 4,  ///< the wait can no longer succeed: node activated, or gone
  unreachable = 5,
  hung_up = 129,      ///< as shells report SIGHUP
  interrupted = 130,  ///< SIGINT
  quit = 131,         ///< SIGQUIT
  terminated = 143,   ///< and SIGTERM
};

}  // namespace bonedry::ctl
