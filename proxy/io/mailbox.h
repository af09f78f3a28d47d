#pragma once

#include "proxy/io/event_loop.h"

#include <uv.h>

#include <functional>
#include <mutex>
#include <vector>

namespace bonedry::io {

/// Functions that other threads want to have run on a loop's thread, in their order.
/// `post` is thread-safe; the rest belongs to the loop's thread.
class Mailbox {
 public:
  /// Throws std::system_error when there is no descriptor for it.
  explicit Mailbox(EventLoop& loop);
  /// What was posted and has not run is dropped.
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
