#pragma once

#include "proxy/base/unique_fd.h"
#include "proxy/io/read_watcher.h"

#include <functional>
#include <optional>

namespace bonedry::io {

/// Tells of every signal that was sent to the process since `block_signals` held them. Loop's
/// thread.
class SignalReader final : private ReadWatcher::Handler {
 public:
  /// Throws std::system_error when there is no descriptor for it.
  SignalReader(EventLoop& loop, std::function<void(int number)> on_signal);

 private:
  void on_readable() override;

  std::function<void(int number)> on_signal_;
  UniqueFd fd_;
  std::optional<ReadWatcher> watcher_;
};

}  // namespace bonedry::io
