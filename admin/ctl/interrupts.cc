#include "admin/ctl/interrupts.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace bonedry::ctl {

Interrupts::Interrupts() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = UniqueFd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

std::optional<ExitCode> Interrupts::take() {
  signalfd_siginfo signal{};
  if (::read(fd_.get(), &signal, sizeof signal) != sizeof signal) return std::nullopt;
  return signal.ssi_signo == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
}

}  // namespace bonedry::ctl
