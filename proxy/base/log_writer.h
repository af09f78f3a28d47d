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

/// Where lines go. "stdout", "/dev/stdout", "stderr" and "/dev/stderr" are the descriptors of the
/// process; any other name is a path.
struct LogTarget {
  std::string name;
};

/// Writes lines to one target, on a thread of its own; the lines of each calling thread keep their
/// order. Callers never wait for the target: when it is too slow, lines are dropped and counted,
/// the oldest of those passed to `write` and the newest of a queue. A failed write (disk full,
/// reader gone) drops the lines it held. Thread-safe.
class LogWriter {
  class Shared;

 public:
  /// Called after lines were lost, once the target accepts lines again (`why`: the last error, or
  /// empty when it was too slow). Called on the writer's thread, and on the thread that destroys
  /// it.
  using OnLost = std::function<void(std::uint64_t lines, const std::string& why)>;

  /// A target that cannot be opened, or is neither a regular file, a FIFO nor a character device,
  /// is an error for the operator. `bytes`: the most that may wait; all of it is allocated here.
  static Result<std::unique_ptr<LogWriter>> open(const LogTarget& target, std::size_t bytes,
                                                 OnLost on_lost);
  /// Waits at most `kFlushWithin` for queued lines to be written; the rest is lost.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// `line`: without its line end; cut off after kLongestLine bytes. Holds a lock while it copies
  /// the line; allocates nothing.
  void write(std::string_view line);
  /// A lock-free queue to the writer for one thread that writes often; a system call is needed only
  /// to wake an idle writer. May outlive the LogWriter; lines written after that are lost.
  class Queue {
   public:
    Queue(std::shared_ptr<Shared> shared, std::shared_ptr<LineQueue> lines)
        : shared_(std::move(shared)), lines_(std::move(lines)) {}
    /// As `LogWriter::write`, but from one thread only. Allocates nothing.
    void write(std::string_view line);

   private:
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<LineQueue> lines_;
  };
  /// `bytes`: the size of the queue; a power of two.
  [[nodiscard]] Queue add_queue(std::size_t bytes);
  /// Waits at most `kFlushWithin` for queued lines to be written. For callers that end the process
  /// without destroying this.
  void flush();
  /// Reopens a path, so that a renamed file is closed. If that fails, the old file stays open, and
  /// `on_failed` is called on the writer's thread.
  void reopen(std::function<void(const std::string& why)> on_failed);

  static constexpr std::size_t kLongestLine = 64U * 1024;
  static constexpr std::chrono::milliseconds kFlushWithin{1000};

 private:
  explicit LogWriter(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace bonedry
