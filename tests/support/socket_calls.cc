#include "tests/support/socket_calls.h"

#include "tests/support/socket.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bonedry::test {

void throw_socket_error(const std::string& what, int error) {
  const std::string text = what + ": " + std::strerror(error);
  if (error == ECONNREFUSED || error == ENOENT) throw ConnectionRefused(text);
  if (error == ECONNRESET || error == EPIPE) throw ConnectionReset(text);
  throw SocketError(text);
}

bool wait_ready(int fd, short events, TestTime until) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - TestClock::now());
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<Millis::rep>(0, left.count())));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_socket_error("poll", errno);
    if (ready == 0) return false;
  }
}

}  // namespace bonedry::test
