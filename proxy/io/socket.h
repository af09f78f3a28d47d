#pragma once

#include "proxy/base/ip_address.h"
#include "proxy/base/result.h"
#include "proxy/base/slice_queue.h"
#include "proxy/base/unique_fd.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/pipe.h"

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace bonedry::io {

/// An IP address and port as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Numeric hosts only: nothing here ever asks a name server.
[[nodiscard]] Result<SocketAddress> make_address(const std::string& host, std::uint16_t port);
/// "192.0.2.1" or "2001:db8::1", IPv4 in IPv6 as plain IPv4.
[[nodiscard]] std::string host_text(const SocketAddress& address);
[[nodiscard]] std::uint16_t port_of(const SocketAddress& address);
[[nodiscard]] Endpoint endpoint_of(const SocketAddress& address);
/// This side's end of a connected socket.
[[nodiscard]] Endpoint local_endpoint(int fd);

/// `refused`: the kernel does not do this at all, and nothing has happened.
enum class IoStatus : std::uint8_t { done, would_block, closed, failed, refused };

struct ReadResult {
  IoStatus status = IoStatus::would_block;
  std::size_t size = 0;
};

/// Whether what is written is for the peer at once, or more (bytes, or the end) follows right away
/// and may share a packet with it.
enum class Push : std::uint8_t { now, with_next };

/// A connected (or connecting) stream socket and its readiness. Closing is immediate.
class Socket {
 public:
  Socket(EventLoop& loop, UniqueFd fd, FdWatcher::Handler& handler)
      : fd_(std::move(fd)), watcher_(loop, fd_.get(), handler) {}

  void want(Ready events) { watcher_.want(events); }
  [[nodiscard]] Ready wanted() const { return watcher_.wanted(); }
  [[nodiscard]] bool has_news() const { return watcher_.has_news(); }

  /// One read. `failed`: see `error`.
  [[nodiscard]] ReadResult read(std::span<char> into);
  /// One read of at most `most` bytes (not 0) into an empty pipe, without copying them.
  [[nodiscard]] ReadResult read(Pipe& into, std::size_t most);
  /// Writes as much of the queue as the socket takes: `done` when it is empty.
  [[nodiscard]] IoStatus write(SliceQueue& queue, Push push = Push::now);
  /// The same of a pipe. Unlike the other it may raise SIGPIPE, which the thread has blocked.
  [[nodiscard]] IoStatus write(Pipe& pipe);
  /// errno of the last failure.
  [[nodiscard]] int error() const { return error_; }

  /// Whether the peer sent bytes that were not read: closing now would reset the connection, and
  /// what was written last could be lost with it.
  [[nodiscard]] bool has_unread() const;
  /// Whether the peer has neither sent bytes that were not read, nor closed its side.
  [[nodiscard]] bool is_quiet() const;
  /// What was written and the peer has not acknowledged, in bytes. Can be asked after it was lost.
  [[nodiscard]] std::size_t unacknowledged() const;

  /// How an attempt to connect went; 0 is success. Also takes the pending error off the socket.
  [[nodiscard]] int connect_error();
  /// Whether the connection was reset or has failed otherwise, and nobody was told yet.
  [[nodiscard]] bool has_failed() { return connect_error() != 0; }
  void shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  [[nodiscard]] ReadResult outcome(ssize_t size);

  UniqueFd fd_;  // before the watcher, so that polling stops before the descriptor closes
  FdWatcher watcher_;
  int error_ = 0;
};

/// Begins to connect. The descriptor is writable when it is decided; the error is for the log.
struct ConnectStart {
  UniqueFd fd;
  int error = 0;  ///< errno when it failed at once, else 0
};
[[nodiscard]] ConnectStart start_connect(const SocketAddress& address);

/// Whether an errno of a connect says nothing about the other side: descriptors, memory or ports
/// of this machine have run out.
[[nodiscard]] bool is_local_shortage(int error);
/// "too many open files; see LimitNOFILE, ulimit -n": what an errno of want says, for the log, and
/// where more can be had.
[[nodiscard]] std::string shortage_text(int error);

}  // namespace bonedry::io
