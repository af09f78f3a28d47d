#include "proxy/base/log_writer.h"

#include "proxy/base/file.h"
#include "proxy/base/line_ring.h"
#include "proxy/base/signals.h"
#include "proxy/base/unique_fd.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace bonedry {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How soon a thread that waits for a target notices that it must end.
constexpr int kPollMillis = 100;
// How long to wait after the time to flush before a thread blocked in a write is abandoned.
constexpr std::chrono::milliseconds kNoticeWithin{300};
// The shortest interval between two reports of lost lines, if they are reported when the target
// accepts lines again.
constexpr std::chrono::seconds kReportWrittenEvery{1};

}  // namespace

/// State shared by the thread and its owner; it outlives the owner when the thread hangs in a
/// write.
class LogWriter::Shared {
 public:
  /// `bell`: an eventfd.
  Shared(std::unique_ptr<LogSink> sink, UniqueFd bell, std::size_t bytes, OnLost on_lost,
         Report report)
      : sink_(std::move(sink)),
        bell_(std::move(bell)),
        on_lost_(std::move(on_lost)),
        report_(report),
        ring_(bytes) {
    batch_.reserve(kLongestLine + 1);
  }

  void write(std::string_view line) {
    {
      const std::scoped_lock lock(mutex_);
      ring_.push(line.substr(0, kLongestLine));
    }
    wake();
  }

  std::shared_ptr<LineQueue> add_queue(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    return queues_.emplace_back(std::make_shared<LineQueue>(bytes));
  }

  /// Call after queueing a line, or anything else that the thread must notice. The thread sets
  /// `asleep_` before it checks for work a last time, so that either it sees the new work or this
  /// sees it asleep; all these accesses are seq_cst.
  void wake() {
    if (!asleep_.load() || !asleep_.exchange(false)) return;
    const std::uint64_t once = 1;
    [[maybe_unused]] const ssize_t rung = ::write(bell_.get(), &once, sizeof once);
  }

  void flush() {
    std::unique_lock lock(mutex_);
    settled_.wait_for(lock, kFlushWithin, [this] { return ended_ || (idle_ && nothing_waits()); });
  }

  void reopen(OnReopened done) {
    {
      const std::scoped_lock lock(mutex_);
      reopen_.push_back(std::move(done));
    }
    wake();
  }

  [[nodiscard]] LogLosses losses() const {
    const std::scoped_lock lock(mutex_);
    LogLosses losses = losses_;
    losses.lines += not_noted();
    if (losses.lines > losses_.lines) losses.age = Millis{0};
    if (losses.lines > 0 && !losses.age) {
      losses.age = std::chrono::duration_cast<Millis>(SteadyClock::now() - lost_at_);
    }
    return losses;
  }

  void run(const std::shared_ptr<Shared>& self) {
    thread_ = std::thread([self] {
      block_signals();
      self->work();
    });
  }

  void finish() {
    std::unique_lock lock(mutex_);
    stop_at_ = SteadyClock::now() + kFlushWithin;
    lock.unlock();
    wake();
    lock.lock();
    const bool ended = done_.wait_until(lock, *stop_at_ + kNoticeWithin, [&] { return ended_; });
    if (ended) {
      lock.unlock();
      thread_.join();
      lock.lock();
    } else {
      abandoned_ = true;
      thread_.detach();
    }
    ring_.clear();
    // A thread that hangs does so without the lock, and the queues are emptied only under the lock.
    for (const auto& queue : queues_) queue->clear();
    note_lost(take_dropped());
    const std::uint64_t lost = unreported_;
    lock.unlock();
    if (lost > 0) on_lost_(lost, "");
  }

 private:
  void work() {
    while (fetch()) {
      write_batch();
      report_lost();
    }
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    done_.notify_one();
    settled_.notify_all();
  }

  [[nodiscard]] bool nothing_waits() const {
    return ring_.empty() &&
           std::ranges::all_of(queues_, [](const auto& queue) { return queue->empty(); });
  }

  std::uint64_t take_dropped() {
    std::uint64_t dropped = ring_.take_dropped();
    for (const auto& queue : queues_) dropped += queue->take_dropped();
    return dropped;
  }

  /// What `take_dropped` would return.
  [[nodiscard]] std::uint64_t not_noted() const {
    std::uint64_t dropped = ring_.dropped();
    for (const auto& queue : queues_) dropped += queue->dropped();
    return dropped;
  }

  /// Notes lines that found no room, since the target is too slow.
  void note_dropped() {
    const std::uint64_t dropped = take_dropped();
    if (dropped > 0) losses_.why.clear();
    note_lost(dropped);
  }

  void note_lost(std::uint64_t lines) {
    if (lines == 0) return;
    unreported_ += lines;
    losses_.lines += lines;
    lost_at_ = SteadyClock::now();
  }

  /// Whether lost lines are to be reported although the target does not accept lines.
  [[nodiscard]] bool reports_later() const { return report_ == Report::at_once && unreported_ > 0; }

  /// Sleeps until something is queued or asked for, or for `timeout`; negative: without limit.
  void wait_for_bell(std::chrono::milliseconds timeout) {
    pollfd entry{bell_.get(), POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(timeout.count())) <= 0) return;
    std::uint64_t rings = 0;
    [[maybe_unused]] const ssize_t got = ::read(bell_.get(), &rings, sizeof rings);
  }

  /// Sleeps until there is something to do.
  void wait_for_work(std::unique_lock<std::mutex>& lock) {
    idle_ = true;
    for (;;) {
      asleep_.store(true);
      const bool quiet = nothing_waits();
      if (quiet) settled_.notify_all();
      const auto left = report_from_ - SteadyClock::now();
      const bool report_due = reports_later() && left <= left.zero();
      if (!quiet || !reopen_.empty() || stop_at_ || report_due) break;
      const auto timeout = reports_later() ? std::chrono::ceil<std::chrono::milliseconds>(left)
                                           : std::chrono::milliseconds{-1};
      lock.unlock();
      wait_for_bell(timeout);
      lock.lock();
    }
    asleep_.store(false);
    idle_ = false;
  }

  /// Takes lines from all sources in turn, as many as fit into one write.
  void take_lines() {
    const std::size_t max = sink_->max_batch();
    ring_.take(batch_, max);
    for (std::size_t i = 0; i < queues_.size() && batch_.size() < max; ++i) {
      queues_[(turn_ + i) % queues_.size()]->take(batch_, max);
    }
    ++turn_;
  }

  /// Waits for lines and takes some; false: the thread must end.
  bool fetch() {
    std::unique_lock lock(mutex_);
    wait_for_work(lock);
    if (abandoned_ || is_late()) return false;
    if (!reopen_.empty()) {
      const std::vector<OnReopened> waiting = std::exchange(reopen_, {});
      lock.unlock();
      const Result<> reopened = sink_->reopen();
      lock.lock();
      if (abandoned_) return false;
      if (reopened) cut_off_ = false;
      for (const OnReopened& done : waiting) done(reopened);
    }
    take_lines();
    note_dropped();
    return !batch_.empty() || !stop_at_;
  }

  [[nodiscard]] bool is_late() const { return stop_at_ && SteadyClock::now() >= *stop_at_; }

  void write_batch() {
    if (batch_.empty()) return;
    const std::string_view all(batch_.data(), batch_.size());
    std::string_view left = all;
    // A line that was written only in part must not run into the next one.
    if (cut_off_ && put("\n").empty()) cut_off_ = false;
    if (!cut_off_) left = put(all);
    const bool partly =
        !left.empty() && left.size() < all.size() && all[all.size() - left.size() - 1] != '\n';
    cut_off_ = cut_off_ || partly;
    failing_ = !left.empty();
    if (!failing_) return;
    const std::scoped_lock lock(mutex_);
    note_lost(static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n')));
  }

  void report_lost() {
    std::unique_lock lock(mutex_);
    const auto now = SteadyClock::now();
    const bool waits = report_ == Report::when_written && failing_;
    if (abandoned_ || waits || unreported_ == 0 || now < report_from_) return;
    report_from_ = now + (report_ == Report::at_once ? kReportEvery : kReportWrittenEvery);
    const std::uint64_t lost = std::exchange(unreported_, 0);
    const std::string why = std::exchange(unreported_why_, {});
    lock.unlock();
    on_lost_(lost, why);
  }

  /// Writes `text`; returns the part that could not be written.
  std::string_view put(std::string_view text) {
    while (!text.empty()) {
      if (sink_->waits_for() >= 0 && !wait_for_room()) return text;
      const ssize_t written = sink_->write(text);
      if (written >= 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        note_error(errno);
        return text;
      }
    }
    return text;
  }

  void note_error(int error) {
    const std::scoped_lock lock(mutex_);
    ++losses_.errors;
    losses_.why = unreported_why_ = errno_text(error);
  }

  /// False: the thread must end before there is room.
  bool wait_for_room() {
    pollfd entry{sink_->waits_for(), POLLOUT, 0};
    for (;;) {
      if (::poll(&entry, 1, kPollMillis) > 0) return true;
      {
        const std::scoped_lock lock(mutex_);
        if (abandoned_ || is_late()) return false;
        note_dropped();
      }
      if (report_ == Report::at_once) report_lost();
    }
  }

  // Used by the writer's thread only, except that `wake` rings `bell_`.
  // Many: what the thread that writes shares with those that queue lines, and its own state.
  const std::unique_ptr<LogSink> sink_;
  const UniqueFd bell_;  // an eventfd that wakes the thread
  std::vector<char> batch_;
  std::size_t turn_ = 0;  // selects the queue that comes first
  bool cut_off_ = false;  // the target ends with a partial line
  bool failing_ = false;  // the last write lost lines
  SteadyClock::time_point report_from_{};

  const OnLost on_lost_;
  const Report report_;
  std::thread thread_;
  std::atomic<bool> asleep_{false};  // or about to be: it waits for `bell_`
  mutable std::mutex mutex_;         // guards all below
  std::condition_variable done_;
  std::condition_variable settled_;  // all queued lines are written or lost
  LineRing ring_;
  std::vector<std::shared_ptr<LineQueue>> queues_;
  std::vector<OnReopened> reopen_;  // who has asked for it
  std::optional<SteadyClock::time_point> stop_at_;
  LogLosses losses_;  // without its age
  SteadyClock::time_point lost_at_{};
  std::uint64_t unreported_ = 0;  // of the lines lost
  std::string unreported_why_;    // the last error since the last report
  bool idle_ = false;
  bool ended_ = false;
  bool abandoned_ = false;
};

Result<std::unique_ptr<LogWriter>> LogWriter::open(const LogTarget& target, std::size_t bytes,
                                                   OnLost on_lost, Report report) {
  Result<std::unique_ptr<LogSink>> sink = LogSink::open(target);
  if (!sink) return Failure{sink.error()};
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC)};
  if (!bell.is_open()) {
    return Failure{"cannot open " + target.name + ": " + errno_text(errno)};
  }
  auto shared = std::make_shared<Shared>(std::move(*sink), std::move(bell), bytes,
                                         std::move(on_lost), report);
  shared->run(shared);
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(shared)));
}

LogWriter::~LogWriter() {
  shared_->finish();
}

void LogWriter::write(std::string_view line) {
  shared_->write(line);
}

LogWriter::Queue LogWriter::add_queue(std::size_t bytes) {
  return {shared_, shared_->add_queue(bytes)};
}

void LogWriter::Queue::write(std::string_view line) {
  lines_->push(line.substr(0, kLongestLine));
  shared_->wake();
}

void LogWriter::flush() {
  shared_->flush();
}

void LogWriter::reopen(OnReopened done) {
  shared_->reopen(std::move(done));
}

LogLosses LogWriter::losses() const {
  return shared_->losses();
}

}  // namespace bonedry
