#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace bonedry::test {
namespace {

std::vector<std::string> whole_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    const bool replaced = std::any_of(
        added.begin(), added.end(), [&](const std::string& own) { return own.starts_with(name); });
    if (!replaced) all.push_back(text);
  }
  all.insert(all.end(), added.begin(), added.end());
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Runs in the child between fork and exec, where nothing may allocate.
[[noreturn]] void become(char* const* arguments, char* const* environment, int in, int out, int err,
                         std::optional<unsigned> descriptors, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (descriptors) {
    const rlimit few{*descriptors, *descriptors};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(127);
  }
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

int open_output(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  return fd;
}

}  // namespace

TempDir::TempDir() {
  char pattern[] = "/tmp/bdtXXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string& path) {
  const std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

ChildProcess::ChildProcess(const Command& command) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = whole_environment(command.environment);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = open_output(command.out_path);
  const int err = open_output(command.err_path);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    become(argument_pointers.data(), environment_pointers.data(), in, out, err, command.descriptors,
           parent);
  }
  for (const int fd : {in, out, err}) ::close(fd);
  if (pid_ < 0) throw std::runtime_error("fork failed");
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pid_fd_ < 0) throw std::runtime_error("pidfd_open failed");
}

ChildProcess::ChildProcess(pid_t pid) : pid_(pid) {
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pid_fd_ < 0) throw std::runtime_error("pidfd_open failed");
}

void ChildProcess::adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

ChildProcess::~ChildProcess() {
  if (!exit_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(pid_fd_);
}

void ChildProcess::signal(int number) {
  if (!exit_) ::kill(pid_, number);
}

std::optional<ChildExit> ChildProcess::wait(Millis deadline) {
  if (exit_) return exit_;
  const TestTime until = TestClock::now() + deadline;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - TestClock::now());
    pollfd entry{pid_fd_, POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<Millis::rep>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    break;
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ChildExit ended;
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  exit_ = ended;
  return exit_;
}

RunResult run_program(std::vector<std::string> arguments, std::vector<std::string> environment,
                      Millis deadline) {
  const TempDir dir;
  RunResult result;
  ChildProcess child{{.arguments = std::move(arguments),
                      .environment = std::move(environment),
                      .out_path = dir / "out",
                      .err_path = dir / "err"}};
  const auto ended = child.wait(deadline);
  result.ended = TestClock::now();
  if (ended && ended->signal == 0) result.code = ended->code;
  result.out = read_file(dir / "out");
  result.err = read_file(dir / "err");
  return result;
}

std::string sanitizer_report(const std::string& err) {
  for (const char* mark :
       {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
        "runtime error: ", "FATAL: ThreadSanitizer", "Sanitizer:DEADLYSIGNAL"}) {
    const auto at = err.find(mark);
    if (at != std::string::npos) return err.substr(at, 8000);
  }
  return {};
}

}  // namespace bonedry::test
