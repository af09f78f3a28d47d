#pragma once

#include "proxy/io/event_loop.h"

#include <uv.h>

#include <functional>
#include <mutex>
#include <vector>

namespace bonedry::io {

/// Runs functions of other threads on a loop's thread, in the order in which they were posted.
/// `post` is thread-safe; the rest belongs to the loop's thread.
class Mailbox {
 public:
  /// Throws std::system_error when no file descriptor is available.
  explicit Mailbox(EventLoop& loop);
  /// Drops posted functions that have not run.
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(std::function<void()> function);

 private:
  static void on_async(uv_async_t* async);

  uv_async_t* async_;
  std::mutex mutex_;
  std::vector<std::function<void()>> functions_;
};

}  // namespace bonedry::io
