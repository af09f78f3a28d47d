#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/line_queue.h"
#include "proxy/base/log_sink.h"
#include "proxy/base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bonedry {

/// The lines that a LogWriter has lost since it was opened, and why.
struct LogLosses {
  std::uint64_t lines = 0;
  std::uint64_t errors = 0;        ///< failed writes
  std::string why = {};            ///< the last of these errors; empty: the target is too slow
  std::optional<Millis> age = {};  ///< since lines were lost last; empty: none were
};

/// Writes lines to one target, on a thread of its own; the lines of each calling thread keep their
/// order. Callers never wait for the target: when it is too slow, lines are dropped and counted,
/// the oldest of those passed to `write` and the newest of a queue. A failed write (disk full,
/// reader gone) drops the lines it held. Thread-safe.
class LogWriter {
  class Shared;

 public:
  /// Called after lines were lost (`why`: the last error, or empty when the target was too slow).
  /// Called on the writer's thread, and on the thread that destroys it.
  using OnLost = std::function<void(std::uint64_t lines, const std::string& why)>;

  /// When that is.
  enum class Report : std::uint8_t {
    /// Once the target accepts lines again; at most once a second.
    when_written,
    /// At the first loss, then every kReportEvery as long as there are more. For a target that is
    /// not the one that the report goes to.
    at_once,
  };
  static constexpr std::chrono::seconds kReportEvery{10};

  /// A target that cannot be opened is an error for the operator, see LogSink::open. `bytes`: the
  /// most that may wait; all of it is allocated here.
  static Result<std::unique_ptr<LogWriter>> open(const LogTarget& target, std::size_t bytes,
                                                 OnLost on_lost,
                                                 Report report = Report::when_written);
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
  /// Opens the target again, so that a renamed file is closed. If that fails, the old file stays
  /// open. `done` is called on the writer's thread and must not call the writer; it is not called
  /// any more once this is destroyed, nor while the target hangs.
  using OnReopened = std::function<void(const Result<>&)>;
  void reopen(OnReopened done);

  /// Includes lines that a target which hangs at this moment has cost.
  [[nodiscard]] LogLosses losses() const;

  static constexpr std::size_t kLongestLine = 64U * 1024;
  static constexpr std::chrono::milliseconds kFlushWithin{1000};

 private:
  explicit LogWriter(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace bonedry
