#include "admin/ctl/roll/child_command.h"

#include "proxy/base/file.h"
#include "proxy/base/unique_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace bonedry::ctl {
namespace {

constexpr int kPollMs = 250;

/// In the child: becomes the command. If that fails, sends errno to `failed`.
[[noreturn]] void become(const ChildCommand& command, pid_t parent, int failed) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);  // it has been killed before the call
  sigset_t none{};
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const auto& [name, value] : command.environment) {
    ::setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  if (command.output == ChildCommand::Output::standard_error) {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
  }
  std::vector<char*> words;
  words.reserve(command.words.size() + 1);
  for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  const int error = errno;
  (void)!::write(failed, &error, sizeof error);
  ::_exit(EXIT_FAILURE);
}

ChildEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {ChildEnd::Kind::killed, WTERMSIG(status)};
  return {ChildEnd::Kind::exited, WEXITSTATUS(status)};
}

int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

std::string to_text(const ChildEnd& end, const ChildCommand& command) {
  switch (end.kind) {
    case ChildEnd::Kind::exited:
      return "exit code " + std::to_string(end.value);
    case ChildEnd::Kind::killed:
      return "killed by signal " + std::to_string(end.value);
    case ChildEnd::Kind::not_started:
      return "cannot run " + command.words.front() + ": " + errno_text(end.value);
  }
  return "";
}

ChildEnd run(const ChildCommand& command, Interrupts& interrupts, Background& background) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {ChildEnd::Kind::not_started, errno};
  const UniqueFd failed{pipe[0]};
  UniqueFd failing{pipe[1]};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return {ChildEnd::Kind::not_started, errno};
  if (child == 0) become(command, parent, failing.get());
  failing.reset();
  int error = 0;
  if (::read(failed.get(), &error, sizeof error) == sizeof error) {
    ::waitpid(child, nullptr, 0);
    return {ChildEnd::Kind::not_started, error};
  }
  const UniqueFd ended{open_pidfd(child)};
  std::optional<ExitCode> interrupted;
  enum class Told : std::uint8_t { nothing, to_end } told = Told::nothing;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::array<pollfd, 3> watched{
        {{ended.get(), POLLIN, 0}, {interrupts.fd(), POLLIN, 0}, {background.fd(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), kPollMs);
    background.run();
    if (background.is_over() && std::exchange(told, Told::to_end) == Told::nothing) {
      ::kill(child, SIGTERM);
    }
    const auto signal = interrupts.take();
    if (signal == ExitCode::terminated) ::kill(child, SIGTERM);
    if (signal) interrupted = signal;
  }
  ChildEnd end = end_of(status);
  end.interrupted = interrupted;
  return end;
}

}  // namespace bonedry::ctl
