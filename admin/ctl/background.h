#pragma once

namespace bonedry::ctl {

/// Something that goes on while bonedryctl waits for something else.
class Background {
 public:
  virtual ~Background() = default;
  /// To poll for reading; -1: nothing to poll.
  [[nodiscard]] virtual int fd() const = 0;
  /// Does what is due, without blocking. Call it when `fd` is readable, and every 250 ms.
  virtual void run() = 0;
  /// What is waited for is of no use any more.
  [[nodiscard]] virtual bool is_over() const = 0;
};

}  // namespace bonedry::ctl
