#include "proxy/io/signal_reader.h"

#include "proxy/base/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace bonedry::io {

SignalReader::SignalReader(EventLoop& loop, std::function<void(int number)> on_signal)
    : on_signal_(std::move(on_signal)) {
  const sigset_t held = held_signals();
  fd_.reset(::signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_.is_open()) throw std::system_error(errno, std::generic_category(), "signalfd");
  watcher_.emplace(loop, fd_.get(), static_cast<ReadWatcher::Handler&>(*this));
}

void SignalReader::on_readable() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace bonedry::io
