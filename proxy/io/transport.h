#pragma once

#include "proxy/base/ip_address.h"
#include "proxy/base/slice_queue.h"
#include "proxy/io/fd_watcher.h"
#include "proxy/io/pipe.h"
#include "proxy/io/tls_info.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bonedry::io {

/// Result of an operation on a transport.
enum class IoStatus : std::uint8_t {
  done,
  would_block,
  closed,     ///< the peer has ended its side
  truncated,  ///< the peer's side ended without saying so, as TLS requires: bytes may be missing
  failed,
  refused,  ///< the operation is not supported here, and nothing has happened
};

/// Whether more bytes from the peer may be waiting than a read returned.
enum class Unread : std::uint8_t { none, possible };

struct ReadResult {
  IoStatus status = IoStatus::would_block;
  std::size_t size = 0;
  Unread unread = Unread::possible;
};

/// Whether to send the written bytes immediately, or to wait, since more (bytes, or the end)
/// is likely to follow and may share a packet with them.
enum class Push : std::uint8_t { now, with_next };

/// A two-way byte stream to a peer, below the codecs, which cannot tell whether the wire carries
/// these bytes as they are. Owned by one connection; loop's thread. Non-blocking: a call does what
/// it can without waiting, and the handler is notified when there is more to do. Destruction closes
/// immediately.
class Transport {
 public:
  using Handler = FdWatcher::Handler;

  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Call before anything else, and again when another handler takes the transport over. `handler`
  /// must live until this is destroyed or another handler is attached.
  virtual void attach(Handler& handler) = 0;
  /// The events that the handler is notified of from now on; level-triggered.
  virtual void want(Ready events) = 0;
  [[nodiscard]] virtual Ready wanted() const = 0;
  /// Whether this loop iteration has an event for the handler that has not been delivered yet.
  [[nodiscard]] virtual bool has_pending_event() const = 0;

  /// What an outgoing connection begins with, below any encryption: a PROXY header. Call at most
  /// once, before the first `open`, which sends it.
  virtual void send_first(std::string bytes) = 0;
  /// Continues to open the connection: connects an outgoing one, and shakes hands if it is
  /// encrypted. Until it is `done`, the transport itself decides what it waits for, and each event
  /// means: call again. `failed`: see `error`.
  [[nodiscard]] virtual IoStatus open() = 0;
  /// One read. `failed`: see `error`.
  [[nodiscard]] virtual ReadResult read(std::span<char> into) = 0;
  /// Writes as much of the queue as the peer takes without waiting: `done` when it is empty. What
  /// stays in the queue must be there, the same bytes in front, at the next call: some of it may
  /// have been encrypted already.
  [[nodiscard]] virtual IoStatus write(SliceQueue& queue, Push push) = 0;
  /// errno of the last failure; EPROTO: see `error_text`.
  [[nodiscard]] virtual int error() const = 0;
  /// The last failure for people.
  [[nodiscard]] virtual std::string error_text() const = 0;
  /// Null if the connection is not encrypted, or not open yet.
  [[nodiscard]] virtual std::shared_ptr<const TlsInfo> tls() const { return nullptr; }

  /// Whether splice(2) can be used; only then may the next two functions be called.
  [[nodiscard]] virtual bool takes_pipes() const = 0;
  /// One read of at most `max` bytes (not 0) into an empty pipe. `refused`: the kernel does not
  /// support it.
  [[nodiscard]] virtual ReadResult read(Pipe& into, std::size_t max) = 0;
  [[nodiscard]] virtual IoStatus write(Pipe& pipe) = 0;

  /// Whether bytes from the peer are unread: closing now would reset the connection, and the last
  /// bytes written could be lost.
  [[nodiscard]] virtual bool has_unread() const = 0;
  /// Whether no bytes from the peer are unread and the peer has not ended its side. Handles what
  /// the transport's own protocol sends meanwhile, such as session tickets.
  [[nodiscard]] virtual bool is_quiet() = 0;
  /// Bytes written that the peer has not acknowledged.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;
  /// Whether the connection was reset or failed otherwise, and this has not been reported yet.
  [[nodiscard]] virtual bool has_failed() = 0;
  /// This side's address.
  [[nodiscard]] virtual Endpoint local() const = 0;

  /// Half-closes: ends this side; the peer may continue to send.
  virtual void shutdown_write() = 0;
  /// Makes a later close reset the connection, so that the peer knows that the data is incomplete.
  virtual void reset_on_close() = 0;
  /// The data is incomplete, as the peer can tell from it: it is still delivered, but a transport
  /// that has an end of its own (close_notify) does without.
  virtual void end_incomplete() = 0;

 protected:
  Transport() = default;
};

}  // namespace bonedry::io
