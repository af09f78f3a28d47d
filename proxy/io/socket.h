#pragma once

#include "proxy/base/clock.h"
#include "proxy/base/ip_address.h"
#include "proxy/base/result.h"
#include "proxy/base/slice_queue.h"
#include "proxy/base/unique_fd.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/pipe.h"
#include "proxy/io/transport.h"

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace bonedry::io {

/// An IP address and port, or the path of a Unix socket, in the kernel's format.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Lets a connection fail (ETIMEDOUT) once bytes that were sent have not been acknowledged for so
/// long: the peer's machine is gone. Otherwise that may take the kernel a quarter of an hour.
void limit_unacknowledged(int fd, Millis limit);

/// Numeric hosts only: names are never resolved.
[[nodiscard]] Result<SocketAddress> make_address(const std::string& host, std::uint16_t port);
/// Of a Unix socket.
[[nodiscard]] Result<SocketAddress> make_unix_address(const std::string& path);
/// "192.0.2.1" or "2001:db8::1"; IPv4-mapped IPv6 as plain IPv4.
[[nodiscard]] std::string host_text(const SocketAddress& address);
[[nodiscard]] std::uint16_t port_of(const SocketAddress& address);
[[nodiscard]] Endpoint endpoint_of(const SocketAddress& address);

/// A transport that sends bytes as they are: a connected (or connecting) TCP socket and its
/// watcher.
class Socket final : public Transport {
 public:
  /// `fd` must be non-blocking.
  Socket(EventLoop& loop, UniqueFd fd) : fd_(std::move(fd)), watcher_(loop, fd_.get()) {}

  void attach(Handler& handler) override { watcher_.set_handler(handler); }
  void want(Ready events) override { watcher_.want(events); }
  [[nodiscard]] Ready wanted() const override { return watcher_.wanted(); }
  [[nodiscard]] bool has_pending_event() const override { return watcher_.has_pending_event(); }

  void send_first(std::string bytes) override { first_ = std::move(bytes); }
  [[nodiscard]] IoStatus open() override;
  [[nodiscard]] ReadResult read(std::span<char> into) override;
  [[nodiscard]] IoStatus write(SliceQueue& queue, Push push) override;
  [[nodiscard]] int error() const override { return error_; }
  [[nodiscard]] std::string error_text() const override;

  [[nodiscard]] bool takes_pipes() const override { return true; }
  [[nodiscard]] ReadResult read(Pipe& into, std::size_t max) override;
  /// Unlike the other `write` it may raise SIGPIPE, which the thread has blocked.
  [[nodiscard]] IoStatus write(Pipe& pipe) override;

  [[nodiscard]] bool has_unread() const override;
  [[nodiscard]] bool is_quiet() override;
  [[nodiscard]] std::size_t unacknowledged() const override;
  [[nodiscard]] bool has_failed() override { return take_error() != 0; }
  [[nodiscard]] Endpoint local() const override;

  void shutdown_write() override { ::shutdown(fd_.get(), SHUT_WR); }
  void reset_on_close() override;
  void end_incomplete() override {}

 private:
  [[nodiscard]] ReadResult to_read_result(ssize_t size);
  /// The socket's pending error, or 0. Clears it.
  [[nodiscard]] int take_error();

  UniqueFd fd_;  // before the watcher, so that polling stops before the descriptor closes
  FdWatcher watcher_;
  int error_ = 0;
  std::string first_;  // the unsent rest of it
};

/// A connection attempt. `fd` becomes writable when it has succeeded or failed; the error is for
/// the log.
struct ConnectStart {
  UniqueFd fd;
  int error = 0;  ///< errno when it failed at once, else 0
};
[[nodiscard]] ConnectStart start_connect(const SocketAddress& address);

/// Whether an errno of connect(2) says nothing about the other side: this machine has run out of
/// file descriptors, memory or ports.
[[nodiscard]] bool is_local_shortage(int error);
/// Text for the log: what ran out and which setting raises the limit, such as "too many open files;
/// see LimitNOFILE, ulimit -n".
[[nodiscard]] std::string shortage_text(int error);

}  // namespace bonedry::io
