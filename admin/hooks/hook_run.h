#pragma once

#include "admin/hooks/hook_command.h"
#include "proxy/base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace bonedry::admin {

/// How a hook has ended.
struct HookEnd {
  enum class Kind : std::uint8_t { exited, killed, timed_out } kind = Kind::exited;
  int value = 0;  ///< exit code, or signal

  [[nodiscard]] bool is_success() const { return kind == Kind::exited && value == 0; }
};
/// "exit code 3", "killed by signal 9", "time-out"
[[nodiscard]] std::string to_text(const HookEnd& end);

/// A hook that is running. Destroying it kills it.
class HookRun {
 public:
  virtual ~HookRun() = default;
  /// Asks it to end (SIGTERM), and kills it if it has not ended HookRunner::kGrace later.
  virtual void end() = 0;
};

/// Starts hooks. Implemented by HookProcesses, and by tests.
class HookRunner {
 public:
  static constexpr Millis kGrace = std::chrono::seconds{1};

  virtual ~HookRunner() = default;
  /// `ended` is called once, never from inside this call; the run may be destroyed in it. Not
  /// called if the run is destroyed before. An error: it was not started.
  [[nodiscard]] virtual Result<std::unique_ptr<HookRun>> start(
      const HookCommand& command, std::function<void(const HookEnd&)> ended) = 0;
};

}  // namespace bonedry::admin
