#include "tests/unit/admin/child.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace bonedry::admin::test {
namespace {

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

Pair make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pair make_terminal() {
  int ours = -1;
  int theirs = -1;
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 200;
  if (::openpty(&ours, &theirs, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
  ::fcntl(ours, F_SETFD, FD_CLOEXEC);
  ::fcntl(theirs, F_SETFD, FD_CLOEXEC);
  return {UniqueFd(ours), UniqueFd(theirs)};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

/// Reads what has arrived; false at the end of the file.
bool take(UniqueFd& fd, std::string& into) {
  std::array<char, 4096> buffer{};
  while (fd.is_open()) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) {  // a terminal reports its end with EIO
      fd.reset();
      return false;
    }
    into.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return false;
}

}  // namespace

Child::Child(std::vector<std::string> arguments, Output output,
             std::vector<std::string> environment) {
  arguments.insert(arguments.begin(), BONEDRYCTL);
  environment.emplace_back("PATH=/usr/bin:/bin");
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(environment);
  Pair out = output == Output::terminal ? make_terminal() : make_pipe();
  Pair err = output == Output::terminal ? Pair{} : make_pipe();
  const int err_to = output == Output::terminal ? out.theirs.get() : err.theirs.get();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out.theirs.get(), STDOUT_FILENO);
    ::dup2(err_to, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  out_fd_ = std::move(out.ours);
  err_fd_ = std::move(err.ours);
  for (const UniqueFd* fd : {&out_fd_, &err_fd_}) {
    if (fd->is_open()) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
}

Child::~Child() {
  if (code_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::ended() {
  const bool more_out = take(out_fd_, out_);
  const bool more_err = take(err_fd_, err_);
  if (more_out || more_err) return false;
  int status = 0;
  if (!code_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  return code_.has_value();
}

void Child::signal(int number) const {
  ::kill(pid_, number);
}

}  // namespace bonedry::admin::test
