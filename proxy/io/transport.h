#pragma once

#include "proxy/base/ip_address.h"
#include "proxy/base/slice_queue.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/pipe.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace bonedry::io {

/// `refused`: this is not possible here at all, and nothing has happened.
enum class IoStatus : std::uint8_t { done, would_block, closed, failed, refused };

struct ReadResult {
  IoStatus status = IoStatus::would_block;
  std::size_t size = 0;
};

/// Whether what is written is for the peer at once, or more (bytes, or the end) follows right away
/// and may share a packet with it.
enum class Push : std::uint8_t { now, with_next };

/// A stream of bytes to a peer and back, below the codecs, which do not see whether these bytes are
/// what is on the wire. Owned by one connection; on its loop's thread. Non-blocking: a call does
/// what it can at once, and the handler is told when there is more to do. Destruction closes at
/// once.
class Transport {
 public:
  using Handler = FdWatcher::Handler;

  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Once, before all else. `handler` outlives this.
  virtual void attach(Handler& handler) = 0;
  /// What the handler is told from now on; level-triggered.
  virtual void want(Ready events) = 0;
  [[nodiscard]] virtual Ready wanted() const = 0;
  /// Whether something has happened in this round of the loop that the handler will be told yet.
  [[nodiscard]] virtual bool has_pending_event() const = 0;

  /// Goes on opening a connection of ours, when the handler is told that it is writable: `done`
  /// when bytes can be sent. `would_block`: once more when told so again. `failed`: see `error`.
  [[nodiscard]] virtual IoStatus open() = 0;
  /// One read. `failed`: see `error`.
  [[nodiscard]] virtual ReadResult read(std::span<char> into) = 0;
  /// Writes as much of the queue as is taken: `done` when it is empty.
  [[nodiscard]] virtual IoStatus write(SliceQueue& queue, Push push) = 0;
  /// errno of the last failure.
  [[nodiscard]] virtual int error() const = 0;

  /// Whether bytes can go from kernel to kernel; only then the two calls below.
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  /// One read of at most `most` bytes (not 0) into an empty pipe. `refused`: the kernel cannot.
  [[nodiscard]] virtual ReadResult read(Pipe& into, std::size_t most) = 0;
  [[nodiscard]] virtual IoStatus write(Pipe& pipe) = 0;

  /// Whether the peer sent bytes that were not read: closing now would reset the connection, and
  /// what was written last could be lost with it.
  [[nodiscard]] virtual bool has_unread() const = 0;
  /// Whether the peer has neither sent bytes that were not read, nor ended its side.
  [[nodiscard]] virtual bool is_quiet() const = 0;
  /// What was written and the peer has not acknowledged, in bytes.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;
  /// Whether the connection was reset or has failed otherwise, and nobody was told yet.
  [[nodiscard]] virtual bool has_failed() = 0;
  /// This side's address.
  [[nodiscard]] virtual Endpoint local() const = 0;

  /// Ends this side; the peer may go on.
  virtual void shutdown_write() = 0;
  /// Closing, later, is to tell the peer that what it got is not whole.
  virtual void reset_on_close() = 0;

 protected:
  Transport() = default;
};

}  // namespace bonedry::io
