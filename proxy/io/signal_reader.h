#pragma once

#include "proxy/base/unique_fd.h"
#include "proxy/io/read_watcher.h"

#include <functional>
#include <optional>

namespace bonedry::io {

/// Reports every signal sent to the process since `block_signals` blocked them. Loop's thread.
class SignalReader final : private ReadWatcher::Handler {
 public:
  /// Throws std::system_error when no file descriptor is available.
  SignalReader(EventLoop& loop, std::function<void(int number)> on_signal);

 private:
  void on_readable() override;

  std::function<void(int number)> on_signal_;
  UniqueFd fd_;
  std::optional<ReadWatcher> watcher_;
};

}  // namespace bonedry::io
