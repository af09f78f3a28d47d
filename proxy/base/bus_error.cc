#include "proxy/base/bus_error.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>

namespace bonedry {
namespace {

// Static, because a signal handler has no other data.
std::array<char, 1024> text;
std::size_t length = 0;
int exit_code = 1;

void on_bus_error(int number, siginfo_t* info, void* /*context*/) {
  if (info->si_code != BUS_ADRERR) {  // not a fault of a file: take the default action
    std::signal(number, SIG_DFL);
    return;
  }
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&standard_error, 1, 0) == 1) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), length);
  }
  ::_exit(exit_code);
}

}  // namespace

void end_on_bus_error(std::string_view why, int code) {
  length = std::min(why.size(), text.size() - 1);
  std::ranges::copy(why.substr(0, length), text.begin());
  text[length++] = '\n';
  exit_code = code;
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigfillset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bonedry
