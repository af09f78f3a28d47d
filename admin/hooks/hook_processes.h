#pragma once

#include "admin/hooks/hook_run.h"
#include "proxy/io/event_loop.h"

namespace bonedry::admin {

/// Runs hooks as child processes: without a shell, in a process group of their own, with nothing of
/// this process but its user, its limits and its working directory. Standard input is a file in
/// memory, so that a program that reads slowly, or not at all, holds up nobody. Main thread.
///
/// A child is watched by its pidfd, like the next process in an upgrade (proxy/successor.h): no
/// handler for SIGCHLD is needed.
class HookProcesses final : public HookRunner {
 public:
  explicit HookProcesses(io::EventLoop& loop) : loop_(loop) {}

  [[nodiscard]] Result<std::unique_ptr<HookRun>> start(
      const HookCommand& command, std::function<void(const HookEnd&)> ended) override;

 private:
  io::EventLoop& loop_;
};

}  // namespace bonedry::admin
