#pragma once

#include <memory>

namespace bonedry::http2 {

/// Memory for the sessions of one thread. What libnghttp2 frees is kept, up to a bound, for what it
/// needs next, so that a request allocates nothing once warm. Must outlive its sessions.
class SessionMemory {
 public:
  SessionMemory();
  ~SessionMemory();
  SessionMemory(const SessionMemory&) = delete;
  SessionMemory& operator=(const SessionMemory&) = delete;

  /// For the implementation of sessions.
  struct Native;
  [[nodiscard]] Native& native() { return *native_; }

 private:
  const std::unique_ptr<Native> native_;
};

}  // namespace bonedry::http2
