#pragma once

#include "proxy/base/block.h"
#include "proxy/base/read_buffer.h"
#include "proxy/base/slice_queue.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/transport.h"
#include "proxy/tls/connection.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace bonedry::tls {

/// What the TLS connections of one event loop share. Outlives them.
struct TransportContext {
  io::EventLoop& loop;
  BlockPool& blocks;
};

/// TLS (RFC 8446, RFC 5246) over another transport. OpenSSL reads from that transport and writes
/// into memory, so that several records leave in one system call.
///
///   opening --> open --> failed       opening: connects, then shakes hands
///         \_______________^
class TlsTransport final : public io::Transport, private io::FdWatcher::Handler {
 public:
  using Handler = io::FdWatcher::Handler;

  /// `connection` is new, in its role (client or server). `below` carries the encrypted bytes.
  /// `received`: such bytes that were read from it before.
  TlsTransport(TransportContext context, Connection connection, io::TransportSource below,
               ReadBuffer received = {});
  ~TlsTransport() override;

  void attach(Handler& handler) override;
  void want(io::Ready events) override;
  [[nodiscard]] io::Ready wanted() const override;
  [[nodiscard]] bool has_pending_event() const override;

  void send_first(std::string bytes) override { below_->send_first(std::move(bytes)); }
  [[nodiscard]] io::IoStatus open() override;
  [[nodiscard]] io::ReadResult read(std::span<char> into) override;
  [[nodiscard]] io::IoStatus write(SliceQueue& queue, io::Push push) override;
  [[nodiscard]] int error() const override { return error_; }
  [[nodiscard]] std::string error_text() const override;
  [[nodiscard]] std::shared_ptr<const io::TlsInfo> tls() const override { return info_; }

  [[nodiscard]] bool takes_pipes() const override { return false; }
  [[nodiscard]] io::ReadResult read(io::Pipe& into, std::size_t max) override;
  [[nodiscard]] io::IoStatus write(io::Pipe& pipe) override;

  [[nodiscard]] bool has_unread() const override;
  [[nodiscard]] bool is_quiet() override;
  [[nodiscard]] std::size_t unacknowledged() const override { return below_->unacknowledged(); }
  [[nodiscard]] bool has_failed() override { return below_->has_failed(); }
  [[nodiscard]] Endpoint local() const override { return below_->local(); }

  void shutdown_write() override;
  void reset_on_close() override;
  void end_incomplete() override { ending_ = Ending::broken; }

 private:
  friend struct BioCallbacks;

  enum class State : std::uint8_t { opening, open, failed };
  /// Whether decrypted bytes, or the end, wait in memory, of which no file descriptor tells.
  enum class Buffered : std::uint8_t { nothing, something };
  /// How this side ends.
  enum class Ending : std::uint8_t {
    no,
    requested,  ///< the close_notify is not wholly sent
    done,       ///< the close_notify and the FIN are sent
    broken,     ///< nothing can be sent any more, or must be: the peer gets no close_notify
  };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_deferred();
  [[nodiscard]] io::IoStatus shake_hands();
  [[nodiscard]] io::IoStatus to_status(int result);
  [[nodiscard]] io::IoStatus fail(int error, std::string text);
  void begin_receiving();
  [[nodiscard]] bool is_exhausted() const;
  void encrypt(const SliceQueue& queue);
  [[nodiscard]] bool encrypt_record(std::span<const char> plain);
  [[nodiscard]] std::size_t record_size();
  [[nodiscard]] io::IoStatus send_encrypted(io::Push push);
  void send_waiting();
  void update_interest();
  void note_info();
  void note_client_certificate(io::TlsInfo& info);

  // What OpenSSL calls through its BIO.
  [[nodiscard]] int receive(std::span<char> into);
  [[nodiscard]] int collect(std::string_view record);

  // Many: one TLS connection is both directions, encrypted and not, and their errors.
  TransportContext context_;
  std::shared_ptr<const void> owner_;  // of what OpenSSL's callbacks use
  SslConnection ssl_;
  io::ConnectionTransport below_;
  ReadBuffer received_;  // encrypted, read before the handshake
  SliceQueue encrypted_;
  std::size_t in_flight_ = 0;  // bytes of the queue's front that `encrypted_` contains
  Handler* handler_ = nullptr;
  io::Deferred deferred_;
  io::Ready wanted_ = io::Ready::none;
  io::Ready handshake_wants_;
  State state_ = State::opening;
  Buffered buffered_ = Buffered::nothing;
  Ending ending_ = Ending::no;
  io::Unread unread_ = io::Unread::possible;     // below, after OpenSSL's last read
  std::size_t receivable_ = 0;                   // bytes that this call may still take from below
  std::optional<io::IoStatus> end_;              // how the peer's side ended
  io::IoStatus below_end_ = io::IoStatus::done;  // how the transport below ended
  std::size_t sent_in_row_ = 0;                  // bytes since the last pause, for `record_size`
  Instant last_sent_;
  int error_ = 0;
  std::string error_text_;
  std::shared_ptr<const io::TlsInfo> info_;  // null before the end of the handshake
};

}  // namespace bonedry::tls
