#pragma once

#include "proxy/base/unique_fd.h"
#include "proxy/io/fd_watcher.h"

#include <functional>
#include <optional>

namespace bonedry::io {

/// Tells of every signal that was sent to the process since `block_signals` held them. Loop's
/// thread.
class SignalReader final : private FdWatcher::Handler {
 public:
  /// Throws std::system_error when there is no descriptor for it.
  SignalReader(EventLoop& loop, std::function<void(int number)> on_signal);

 private:
  void on_ready(Ready ready) override;

  std::function<void(int number)> on_signal_;
  UniqueFd fd_;
  std::optional<FdWatcher> watcher_;
};

}  // namespace bonedry::io
