#include "admin/ctl/interrupts.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace bonedry::ctl {

Interrupts::Interrupts(std::initializer_list<int> numbers) {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = UniqueFd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

std::optional<ExitCode> Interrupts::take() {
  signalfd_siginfo signal{};
  if (::read(fd_.get(), &signal, sizeof signal) != sizeof signal) return std::nullopt;
  return static_cast<ExitCode>(128 + signal.ssi_signo);
}

}  // namespace bonedry::ctl
