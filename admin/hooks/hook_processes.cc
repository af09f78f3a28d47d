#include "admin/hooks/hook_processes.h"

#include "admin/hooks/hook_output.h"
#include "proxy/base/file.h"
#include "proxy/base/spawn_plan.h"
#include "proxy/base/unique_fd.h"
#include "proxy/io/read_watcher.h"
#include "proxy/io/timer_wheel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

constexpr int kFirstOfOurs = 3;                 // after the standard descriptors
constexpr std::size_t kReadAtOnce = 64 * 1024;  // a whole pipe
/// Between two reads of output that is not logged: a hook that writes without end must not keep a
/// processor busy with reading it.
constexpr Millis kRest{50};

Result<UniqueFd> file_of(const std::string& text) {
  UniqueFd file{::memfd_create("bonedry-event", MFD_CLOEXEC)};
  const auto size = static_cast<ssize_t>(text.size());
  const bool written = file.is_open() && ::write(file.get(), text.data(), text.size()) == size &&
                       ::lseek(file.get(), 0, SEEK_SET) == 0;
  if (written) return file;
  return Failure{"cannot write a file in memory: " + errno_text(errno)};
}

Result<pid_t> spawn(const HookCommand& command, int output) {
  const Result<UniqueFd> input = file_of(command.input);
  if (!input) return Failure{input.error()};
  std::vector<std::string> words = command.words;
  std::vector<std::string> settings = command.environment;
  const std::vector<char*> argv = spawn_words(words);
  const std::vector<char*> environment = spawn_words(settings);
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.files, input->get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.files, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.files, output, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.files, kFirstOfOurs);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, words.front().c_str(), &plan.files, &plan.attributes,
                                  argv.data(), environment.data());
  if (error == 0) return pid;
  return Failure{"cannot run " + words.front() + ": " + errno_text(error)};
}

/// One child process, until it has been reaped.
///
///   running ──> ending (SIGTERM) ──> killed (SIGKILL)
///
/// It may exit in every state, which ends the run.
class HookProcess final : public HookRun {
 public:
  HookProcess(io::EventLoop& loop, const HookCommand& command, pid_t pid, UniqueFd process,
              UniqueFd output, std::function<void(const HookEnd&)> ended)
      : loop_(loop),
        pid_(pid),
        process_(std::move(process)),
        output_(std::move(output)),
        log_(command.name),
        ended_(std::move(ended)),
        deadline_(loop.timers(), [this] { on_deadline(); }),
        rest_(loop.timers(), [this] { watch_output(); }) {
    exit_watcher_.emplace(loop, process_.get(), exit_handler_);
    watch_output();
    deadline_.arm(command.timeout);
  }
  ~HookProcess() override {
    if (!process_.is_open()) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, WNOHANG);  // else init reaps it
  }
  HookProcess(const HookProcess&) = delete;
  HookProcess& operator=(const HookProcess&) = delete;

  void end() override {
    if (state_ == State::running) begin_ending();
  }

 private:
  enum class State : std::uint8_t { running, ending, killed };
  enum class InTime : std::uint8_t { yes, no };

  struct ExitHandler final : io::ReadWatcher::Handler {
    explicit ExitHandler(HookProcess& owner) : process(owner) {}
    void on_readable() override { process.on_exit(); }
    HookProcess& process;
  };
  struct OutputHandler final : io::ReadWatcher::Handler {
    explicit OutputHandler(HookProcess& owner) : process(owner) {}
    void on_readable() override { process.read_output(); }
    HookProcess& process;
  };

  /// To the whole group. Its number cannot be that of another one before `waitpid`.
  void signal(int number) const { ::kill(-pid_, number); }

  void begin_ending() {
    state_ = State::ending;
    signal(SIGTERM);
    deadline_.arm(HookRunner::kGrace);
  }

  void on_deadline() {
    if (state_ == State::ending) {
      state_ = State::killed;
      return signal(SIGKILL);
    }
    in_time_ = InTime::no;
    begin_ending();
  }

  void watch_output() { output_watcher_.emplace(loop_, output_.get(), output_handler_); }

  /// Once per event, so that others get their turn.
  void read_output() {
    std::array<char, kReadAtOnce> bytes;  // NOLINT: filled by read
    const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
    if (count > 0) log_.take({bytes.data(), static_cast<std::size_t>(count)});
    if (count > 0 && !log_.is_full()) return;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    output_watcher_.reset();
    if (count > 0) return rest_.arm(kRest);
    output_.reset();
  }

  /// Whatever the child has left running may have the pipe; it is not waited for.
  void on_exit() {
    if (output_.is_open()) read_output();
    log_.end();
    if (state_ != State::running) signal(SIGKILL);  // to those of its group who are still there
    exit_watcher_.reset();
    process_.reset();
    int status = 0;
    ::waitpid(pid_, &status, 0);
    const auto ended = std::move(ended_);
    ended(end_of(status));  // may destroy this
  }

  [[nodiscard]] HookEnd end_of(int status) const {
    if (in_time_ == InTime::no) return {HookEnd::Kind::timed_out};
    if (WIFSIGNALED(status)) return {HookEnd::Kind::killed, WTERMSIG(status)};
    return {HookEnd::Kind::exited, WEXITSTATUS(status)};
  }

  io::EventLoop& loop_;
  pid_t pid_;
  UniqueFd process_;  // pidfd, until it has exited
  UniqueFd output_;   // of the child: standard output and standard error
  HookOutput log_;
  std::function<void(const HookEnd&)> ended_;
  State state_ = State::running;
  InTime in_time_ = InTime::yes;
  io::Timer deadline_;  // of `state_`
  io::Timer rest_;      // then output is read again
  ExitHandler exit_handler_{*this};
  OutputHandler output_handler_{*this};
  std::optional<io::ReadWatcher> exit_watcher_;
  std::optional<io::ReadWatcher> output_watcher_;
};

}  // namespace

Result<std::unique_ptr<HookRun>> HookProcesses::start(const HookCommand& command,
                                                      std::function<void(const HookEnd&)> ended) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return Failure{"cannot create a pipe: " + errno_text(errno)};
  }
  UniqueFd output{pipe[0]};
  const UniqueFd end_of_child{pipe[1]};  // blocking, as programs expect
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  const Result<pid_t> pid = spawn(command, end_of_child.get());
  if (!pid) return Failure{pid.error()};
  UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0))};
  if (!process.is_open()) {
    const int why = errno;
    ::kill(-*pid, SIGKILL);  // its exit would go unnoticed
    ::waitpid(*pid, nullptr, 0);
    return Failure{"cannot watch the process: " + errno_text(why)};
  }
  return std::unique_ptr<HookRun>(std::make_unique<HookProcess>(
      loop_, command, *pid, std::move(process), std::move(output), std::move(ended)));
}

}  // namespace bonedry::admin
