#include "bench/demo/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace bonedry::demo {
namespace {

constexpr int kExecFailed = 127;

/// Runs in the child between fork and exec. Only async-signal-safe calls.
[[noreturn]] void exec_child(char* const* arguments, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExecFailed);  // the parent ended before prctl took effect
  const int null_device = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null_device, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  // libuv and the calling shell may have left signals blocked or ignored; exec keeps that.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  execv(arguments[0], arguments);
  _exit(kExecFailed);
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const std::filesystem::path& output) {
  if (access(command.front().c_str(), X_OK) != 0) {
    throw std::runtime_error(command.front() + ": " + std::strerror(errno));
  }
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error(output.string() + ": " + std::strerror(errno));
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) exec_child(arguments.data(), file, parent);
  const int fork_error = errno;
  close(file);
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(fork_error));
}

Child::~Child() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  reap(0);
}

void Child::reap(int options) {
  if (pid_ > 0 && waitpid(pid_, &wait_status_, options) != 0) pid_ = -1;
}

std::string Child::exit_description() const {
  if (WIFSIGNALED(wait_status_)) return "signal " + std::to_string(WTERMSIG(wait_status_));
  return "exit code " + std::to_string(WEXITSTATUS(wait_status_));
}

bool Child::running() {
  reap(WNOHANG);
  return pid_ > 0;
}

void Child::send(int signal) {
  if (running()) ::kill(pid_, signal);
}

bool Child::terminate(Millis grace) {
  if (!running()) return true;
  kill(pid_, SIGTERM);
  const SystemClock clock;
  const Instant deadline = clock.now() + grace;
  while (running() && clock.now() < deadline) std::this_thread::sleep_for(Millis{5});
  if (!running()) return true;
  kill(pid_, SIGKILL);
  reap(0);
  return false;
}

}  // namespace bonedry::demo
