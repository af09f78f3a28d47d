#pragma once

#include "proxy/base/line_queue.h"
#include "proxy/base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry {

/// Where lines go. "stdout", "/dev/stdout", "stderr" and "/dev/stderr" are the descriptors that
/// the process has; any other name is a path.
struct LogTarget {
  std::string name;
};

/// Writes lines to one target, on a thread of its own, in the order of each thread that they come
/// from. Nobody ever waits for the target: when it does not keep up, lines are dropped and counted,
/// the oldest of those given to `write` and the newest of a queue; a failed write (disk full,
/// reader gone) drops what it held. Thread-safe.
class LogWriter {
  class Shared;

 public:
  /// Lines were lost and the target takes some again (`why`: the last error, or empty when it was
  /// too slow). Called on the writer's thread, and on the thread that destroys it.
  using OnLost = std::function<void(std::uint64_t lines, const std::string& why)>;

  /// A target that cannot be opened, or is neither a regular file, a FIFO nor a character device,
  /// is an error for the operator. `bytes`: the most that may wait, all of it allocated here.
  static Result<std::unique_ptr<LogWriter>> open(const LogTarget& target, std::size_t bytes,
                                                 OnLost on_lost);
  /// Waits for what is queued to be written, for `kFlushWithin` at most; the rest is lost.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// `line` without its line end; what is beyond kLongestLine is cut off. Takes a lock for as long
  /// as copying takes, and allocates nothing.
  void write(std::string_view line);
  /// A way to it for one thread that writes often, without a lock: only to wake a writer that has
  /// nothing to do costs a system call. May outlive this, and then leads nowhere.
  class Queue {
   public:
    Queue(std::shared_ptr<Shared> shared, std::shared_ptr<LineQueue> lines)
        : shared_(std::move(shared)), lines_(std::move(lines)) {}
    /// As `LogWriter::write`, but of the one thread. Allocates nothing.
    void write(std::string_view line);

   private:
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<LineQueue> lines_;
  };
  /// `bytes`: the most that may wait in it; a power of two.
  [[nodiscard]] Queue add_queue(std::size_t bytes);
  /// Waits for what is queued to be written, for `kFlushWithin` at most: for who ends the process
  /// without destroying this.
  void flush();
  /// Opens a path anew, so that a file that was renamed is let go. When that fails the old one
  /// stays, and `on_failed` is called on the writer's thread.
  void reopen(std::function<void(const std::string& why)> on_failed);

  static constexpr std::size_t kLongestLine = 64U * 1024;
  static constexpr std::chrono::milliseconds kFlushWithin{1000};

 private:
  explicit LogWriter(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace bonedry
