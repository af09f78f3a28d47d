#include "proxy/base/log_writer.h"

#include "proxy/base/file.h"
#include "proxy/base/line_ring.h"
#include "proxy/base/signals.h"
#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
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

constexpr std::size_t kBatch = 65'536;
// PIPE_BUF: a pipe takes this much whole or not at all, so that the lines of two processes do not
// mix.
constexpr std::size_t kPipeBatch = 4096;
// How soon a thread that waits for a target notices that it must end.
constexpr int kPollMillis = 100;
// How long to wait after the time to flush before a thread blocked in a write is abandoned.
constexpr std::chrono::milliseconds kNoticeWithin{300};
// The shortest interval between two reports of lost lines.
constexpr std::chrono::seconds kReportEvery{1};

enum class TargetKind : std::uint8_t { file, stream };

struct OpenTarget {
  UniqueFd fd;
  TargetKind kind = TargetKind::stream;
};

std::optional<int> standard_descriptor(std::string_view name) {
  if (name == "stdout" || name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "stderr" || name == "/dev/stderr") return STDERR_FILENO;
  return std::nullopt;
}

Failure<std::string> cannot_open(const std::string& name, const std::string& why) {
  return Failure{"cannot open " + name + ": " + why};
}

/// Never blocks: a FIFO is opened for reading and writing, which needs no reader and survives one
/// that goes away.
Result<UniqueFd> open_path(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  struct stat there {};
  const bool fifo = ::stat(path.c_str(), &there) == 0 && S_ISFIFO(there.st_mode);
  UniqueFd fd{::open(path.c_str(), (fifo ? O_RDWR : O_WRONLY) | kFlags, 0666)};
  if (fd.is_open()) return fd;
  if (errno == ENXIO) return cannot_open(path, "it is a socket or a missing device");
  return cannot_open(path, errno_text(errno));
}

Result<OpenTarget> open_target(const LogTarget& target) {
  OpenTarget opened;
  const std::optional<int> standard = standard_descriptor(target.name);
  if (standard) {
    // Duplicated, not reopened: it may not allow opening, and a file's offset is shared with
    // others.
    opened.fd.reset(::fcntl(*standard, F_DUPFD_CLOEXEC, 0));
    if (!opened.fd.is_open()) return cannot_open(target.name, errno_text(errno));
  } else {
    Result<UniqueFd> fd = open_path(target.name);
    if (!fd) return Failure{fd.error()};
    opened.fd = std::move(*fd);
  }
  struct stat there {};
  if (::fstat(opened.fd.get(), &there) != 0) return cannot_open(target.name, errno_text(errno));
  if (S_ISREG(there.st_mode)) opened.kind = TargetKind::file;
  const bool fit = S_ISREG(there.st_mode) || S_ISFIFO(there.st_mode) || S_ISCHR(there.st_mode);
  if (fit || standard) return opened;
  return cannot_open(target.name, "it is not a regular file, FIFO or character device");
}

}  // namespace

/// State shared by the thread and its owner; it outlives the owner when the thread hangs in a
/// write.
class LogWriter::Shared {
 public:
  /// `bell`: an eventfd.
  Shared(LogTarget target, OpenTarget opened, UniqueFd bell, std::size_t bytes, OnLost on_lost)
      : target_(std::move(target)),
        opened_(std::move(opened)),
        bell_(std::move(bell)),
        on_lost_(std::move(on_lost)),
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

  void reopen(std::function<void(const std::string&)> on_failed) {
    {
      const std::scoped_lock lock(mutex_);
      reopen_ = std::move(on_failed);
    }
    wake();
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
    lost_ += take_dropped();
    const std::uint64_t lost = lost_;
    lock.unlock();
    if (lost > 0) on_lost_(lost, "");
  }

 private:
  void work() {
    while (fetch()) write_batch();
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

  /// Sleeps until there is something to do.
  void wait_for_work(std::unique_lock<std::mutex>& lock) {
    idle_ = true;
    for (;;) {
      asleep_.store(true);
      const bool quiet = nothing_waits();
      if (quiet) settled_.notify_all();
      if (!quiet || reopen_ || stop_at_) break;
      lock.unlock();
      std::uint64_t rings = 0;
      [[maybe_unused]] const ssize_t got = ::read(bell_.get(), &rings, sizeof rings);
      lock.lock();
    }
    asleep_.store(false);
    idle_ = false;
  }

  /// Takes lines from all sources in turn, as many as fit into one write.
  void take_lines() {
    const std::size_t max = opened_.kind == TargetKind::file ? kBatch : kPipeBatch;
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
    if (auto on_failed = std::exchange(reopen_, nullptr)) {
      lock.unlock();
      reopen_target(on_failed);
      lock.lock();
      if (abandoned_) return false;
    }
    take_lines();
    lost_ += take_dropped();
    return !batch_.empty() || !stop_at_;
  }

  [[nodiscard]] bool is_late() const { return stop_at_ && SteadyClock::now() >= *stop_at_; }

  void reopen_target(const std::function<void(const std::string&)>& on_failed) {
    if (standard_descriptor(target_.name)) return;
    Result<OpenTarget> opened = open_target(target_);
    if (!opened) return on_failed(opened.error());
    opened_ = std::move(*opened);
    cut_off_ = false;
  }

  void write_batch() {
    if (batch_.empty()) return;
    const std::string_view all(batch_.data(), batch_.size());
    std::string_view left = all;
    // A line that was written only in part must not run into the next one.
    if (cut_off_ && put("\n").empty()) cut_off_ = false;
    if (!cut_off_) left = put(all);
    const auto lines = static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n'));
    const bool partly =
        !left.empty() && left.size() < all.size() && all[all.size() - left.size() - 1] != '\n';
    cut_off_ = cut_off_ || partly;
    report_lost(lines);
  }

  /// Counts lost lines, and reports them when the target accepts lines again.
  void report_lost(std::uint64_t lost_now) {
    std::unique_lock lock(mutex_);
    lost_ += lost_now;
    const auto now = SteadyClock::now();
    if (abandoned_ || lost_now > 0 || lost_ == 0 || now < report_from_) return;
    report_from_ = now + kReportEvery;
    const std::uint64_t lost = std::exchange(lost_, 0);
    lock.unlock();
    on_lost_(lost, std::exchange(why_, {}));
  }

  /// Writes `text`; returns the part that could not be written.
  std::string_view put(std::string_view text) {
    while (!text.empty()) {
      if (opened_.kind == TargetKind::stream && !wait_for_room()) return text;
      const ssize_t written = ::write(opened_.fd.get(), text.data(), text.size());
      if (written >= 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        why_ = errno_text(errno);
        return text;
      }
    }
    return text;
  }

  /// False: the thread must end before there is room.
  bool wait_for_room() {
    pollfd entry{opened_.fd.get(), POLLOUT, 0};
    for (;;) {
      if (::poll(&entry, 1, kPollMillis) > 0) return true;
      const std::scoped_lock lock(mutex_);
      if (abandoned_ || is_late()) return false;
    }
  }

  // Used by the writer's thread only, except that `wake` rings `bell_`.
  // Many: what the thread that writes shares with those that queue lines, and its own state.
  const LogTarget target_;
  OpenTarget opened_;
  const UniqueFd bell_;  // an eventfd that wakes the thread
  std::vector<char> batch_;
  std::size_t turn_ = 0;  // selects the queue that comes first
  bool cut_off_ = false;  // the target ends with a partial line
  std::string why_;
  SteadyClock::time_point report_from_{};

  const OnLost on_lost_;
  std::thread thread_;
  std::atomic<bool> asleep_{false};  // or about to be: it waits for `bell_`
  std::mutex mutex_;                 // guards all below
  std::condition_variable done_;
  std::condition_variable settled_;  // all queued lines are written or lost
  LineRing ring_;
  std::vector<std::shared_ptr<LineQueue>> queues_;
  std::function<void(const std::string&)> reopen_;
  std::optional<SteadyClock::time_point> stop_at_;
  std::uint64_t lost_ = 0;
  bool idle_ = false;
  bool ended_ = false;
  bool abandoned_ = false;
};

Result<std::unique_ptr<LogWriter>> LogWriter::open(const LogTarget& target, std::size_t bytes,
                                                   OnLost on_lost) {
  Result<OpenTarget> opened = open_target(target);
  if (!opened) return Failure{opened.error()};
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC)};
  if (!bell.is_open()) return cannot_open(target.name, errno_text(errno));
  auto shared = std::make_shared<Shared>(target, std::move(*opened), std::move(bell), bytes,
                                         std::move(on_lost));
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

void LogWriter::reopen(std::function<void(const std::string& why)> on_failed) {
  shared_->reopen(std::move(on_failed));
}

}  // namespace bonedry
