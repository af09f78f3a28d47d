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

/// Whether an errno of accept(2) concerns one connection only: its client left while it was queued,
/// or Linux reports a network error that was pending on it.
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
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // accepted ones inherit it
  // HTTP clients send first, so the kernel hands a connection over with its first bytes, which
  // saves a wake-up and a wait. A silent client is handed over after about a second.
  setsockopt(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
      ::bind(fd.get(), address.raw(), address.size) != 0) {
    return failed(address);
  }
  return fd;
}

Result<> check_free(const io::SocketAddress& address, const std::string& text) {
  const UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  if (fd.is_open()) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (fd.is_open() && ::bind(fd.get(), address.raw(), address.size) == 0 &&
      ::listen(fd.get(), 1) == 0) {
    return Done{};
  }
  return Failure{"cannot listen on " + text + ": " + errno_text(errno)};
}

Result<> start_listening(const UniqueFd& fd) {
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

Listener::Listener(EventLoop& loop, UniqueFd fd, OnAccept on_accept, OnAcceptError on_accept_error)
    : fd_(std::move(fd)),
      watcher_(loop, fd_.get(), *this),
      resume_(loop.timers(), [this] { accept_batch(); }),
      recovery_timer_(loop.timers(),
                      [this] {
                        error_state_ = ErrorState::none;
                        if (on_accept_error_) on_accept_error_(0);
                      }),
      on_accept_(std::move(on_accept)),
      on_accept_error_(std::move(on_accept_error)) {
  watcher_.want(Ready::read);
}

void Listener::on_ready(Ready /*ready*/) {
  accept_batch();
}

void Listener::on_watch_failed(int error) {
  pause(error);
}

void Listener::accept_batch() {
  watcher_.want(Ready::read);
  bool any = false;
  for (int tries = 0; tries < kBatch; ++tries) {
    switch (accept_one()) {
      case AcceptResult::one:
        any = true;
        break;
      case AcceptResult::none:
        return note_success();
      case AcceptResult::failed:
        break;
      case AcceptResult::error:
        return pause(error_);
    }
  }
  // If a whole batch fails and none succeeds, the cause is not a single connection.
  any ? note_success() : pause(error_);
}

/// The socket stays readable: without a pause the loop would spin.
void Listener::pause(int error) {
  watcher_.want(Ready::none);
  recovery_timer_.disarm();
  resume_.arm(kPause);
  if (std::exchange(error_state_, ErrorState::reported) == ErrorState::none && on_accept_error_)
    on_accept_error_(error);
}

void Listener::note_success() {
  if (error_state_ == ErrorState::reported && !recovery_timer_.armed())
    recovery_timer_.arm(kRecoveryTime);
}

void Listener::accept_backlog() {
  for (int tries = 0; tries < kBacklog; ++tries) {
    const AcceptResult taken = accept_one();
    if (taken == AcceptResult::none || taken == AcceptResult::error) return;
  }
}

Listener::AcceptResult Listener::accept_one() {
  SocketAddress peer;
  peer.size = sizeof(peer.storage);
  UniqueFd client{::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (client.is_open()) {
    on_accept_(std::move(client), peer);
    return AcceptResult::one;
  }
  error_ = errno;
  if (error_ == EAGAIN || error_ == EWOULDBLOCK) return AcceptResult::none;
  return is_about_one_connection(error_) ? AcceptResult::failed : AcceptResult::error;
}

}  // namespace bonedry::io
