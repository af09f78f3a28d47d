#pragma once

#include "proxy/base/unique_fd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

/// A minimal event loop for the programs that bonedry is compared with: epoll and nothing else.
namespace bonedry::bench {

/// Called when one of its descriptors is ready. Never owned by the loop.
class Watched {
 public:
  virtual void on_event(std::uint32_t events) = 0;

 protected:
  ~Watched() = default;
};

[[noreturn]] inline void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class EpollLoop {
 public:
  EpollLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_.is_open()) fail("epoll_create1");
  }
  void add(int fd, std::uint32_t events, Watched& watched) {
    control(EPOLL_CTL_ADD, fd, events, watched);
  }
  void change(int fd, std::uint32_t events, Watched& watched) {
    control(EPOLL_CTL_MOD, fd, events, watched);
  }

  /// Calls `after` when all events of an iteration have been handled.
  template <class After>
  [[noreturn]] void run(const After& after) {
    while (true) {
      run_once();
      after();
    }
  }

  /// One iteration, which waits for at most `timeout_ms` (-1: for as long as it takes). Returns how
  /// many events there were.
  int run_once(int timeout_ms = -1) {
    std::array<epoll_event, 256> events{};
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      static_cast<Watched*>(event.data.ptr)->on_event(event.events);
    }
    return count;
  }

 private:
  void control(int operation, int fd, std::uint32_t events, Watched& watched) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watched;
    if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) fail("epoll_ctl");
  }

  UniqueFd epoll_;
};

inline sockaddr_in any_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return address;
}

/// Listens on all addresses, so that 127.0.0.2 and others can be separate nodes.
inline UniqueFd listen_on(std::uint16_t port) {
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // its connections inherit it
  const sockaddr_in address = any_address(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail("bind");
  if (::listen(fd.get(), 4096) != 0) fail("listen");
  return fd;
}

inline UniqueFd accept_from(const UniqueFd& listener) {
  return UniqueFd{::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
}

inline bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace bonedry::bench
