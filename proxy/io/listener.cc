#include "proxy/io/listener.h"

#include "proxy/base/file.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace bonedry::io {
namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn

Failure<std::string> failed(const SocketAddress& address) {
  return Failure{"cannot listen on " + host_text(address) + " port " +
                 std::to_string(port_of(address)) + ": " + errno_text(errno)};
}

/// Whether an errno of accept(2) is about one connection only: its client went away while it
/// waited, or Linux passes a network error on that was pending on it.
bool is_about_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
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

Listener::Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept, OnTrouble on_trouble)
    : fd_(std::move(fd)),
      watcher_(loop, fd_.get(), *this),
      resume_(loop.timers(), [this] { take_some(); }),
      relief_(loop.timers(),
              [this] {
                trouble_ = Trouble::none;
                if (on_trouble_) on_trouble_(0);
              }),
      on_accept_(std::move(on_accept)),
      on_trouble_(std::move(on_trouble)) {
  watcher_.want(Ready::read);
}

void Listener::on_ready(Ready /*ready*/) {
  take_some();
}

void Listener::on_unwatched(int error) {
  pause(error);
}

void Listener::take_some() {
  watcher_.want(Ready::read);
  bool any = false;
  for (int tries = 0; tries < kBatch; ++tries) {
    switch (take_one()) {
      case Taken::one:
        any = true;
        break;
      case Taken::none:
        return note_success();
      case Taken::failed:
        break;
      case Taken::trouble:
        return pause(error_);
    }
  }
  // What befalls so many in a row, and nobody else, is no matter of one connection.
  any ? note_success() : pause(error_);
}

/// The socket stays readable: without a pause the loop would spin.
void Listener::pause(int error) {
  watcher_.want(Ready::none);
  relief_.disarm();
  resume_.arm(kPause);
  if (std::exchange(trouble_, Trouble::told) == Trouble::none && on_trouble_) on_trouble_(error);
}

void Listener::note_success() {
  if (trouble_ == Trouble::told && !relief_.armed()) relief_.arm(kRelief);
}

void Listener::accept_waiting() {
  for (int tries = 0; tries < kBacklog; ++tries) {
    const Taken taken = take_one();
    if (taken == Taken::none || taken == Taken::trouble) return;
  }
}

Listener::Taken Listener::take_one() {
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  UniqueFd client{::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (client.is_open()) {
    on_accept_(std::move(client), peer);
    return Taken::one;
  }
  error_ = errno;
  if (error_ == EAGAIN || error_ == EWOULDBLOCK) return Taken::none;
  return is_about_one_connection(error_) ? Taken::failed : Taken::trouble;
}

}  // namespace bonedry::io
