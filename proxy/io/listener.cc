#include "proxy/io/listener.h"

#include "proxy/base/file.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace bonedry::io {
namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn

Failure<std::string> failed(const SocketAddress& address) {
  return Failure{"cannot listen on " + host_text(address) + " port " +
                 std::to_string(port_of(address)) + ": " + errno_text(errno)};
}

}  // namespace

Result<UniqueFd> bind_to(const SocketAddress& address) {
  UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return failed(address);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // its connections inherit it
  // A client speaks first, so the kernel hands it over with its first bytes: a wake-up and a wait
  // less. One that says nothing is handed over after about a second all the same.
  setsockopt(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
      ::bind(fd.get(), address.raw(), address.size) != 0) {
    return failed(address);
  }
  return fd;
}

Outcome start_listening(const UniqueFd& fd) {
  if (::listen(fd.get(), kBacklog) == 0) return Done{};
  return Failure{"cannot listen: " + errno_text(errno)};
}

std::uint16_t bound_port(const UniqueFd& fd) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return 0;
  }
  return port_of(address);
}

Listener::Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept)
    : loop_(loop),
      fd_(std::move(fd)),
      watcher_(loop, fd_.get(), *this),
      resume_(loop.timers(), [this] { watcher_.want(Ready::read); }),
      on_accept_(std::move(on_accept)) {
  watcher_.want(Ready::read);
}

void Listener::on_ready(Ready /*ready*/) {
  watcher_.want(Ready::read);
  for (int taken = 0; taken < kBatch; ++taken) {
    switch (take_one()) {
      case Taken::one:
        break;
      case Taken::none:
        return;
      case Taken::no_descriptor:
        // The socket stays readable: without a pause this would spin.
        watcher_.want(Ready::none);
        resume_.arm(kPause);
        return;
    }
  }
}

void Listener::accept_waiting() {
  for (int taken = 0; taken < kBacklog && take_one() == Taken::one; ++taken) {
  }
}

Listener::Taken Listener::take_one() {
  for (;;) {
    SocketAddress peer;
    peer.size = sizeof(peer.storage);
    UniqueFd client{::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (client.is_open()) {
      loop_.update_now();  // it may have come while this round was held up
      on_accept_(std::move(client), peer);
      return Taken::one;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return Taken::no_descriptor;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Taken::none;
    // A client that went away while it waited: the next one.
  }
}

}  // namespace bonedry::io
