#pragma once

#include "admin/http_door/exchange.h"
#include "proxy/base/read_buffer.h"
#include "proxy/base/slice_queue.h"
#include "proxy/http/body_writer.h"
#include "proxy/http/parser.h"
#include "proxy/io/connection_transport.h"
#include "proxy/io/deferred.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/timer_wheel.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::admin::http_door {

/// Limits for clients of the door. The defaults are for production; tests use small ones.
struct DoorLimits {
  /// Open connections: some hundred browsers with two streams each.
  std::size_t connections = 1024;
  /// A head of a browser has one kilobyte.
  bonedry::http::HeadLimits head{16 * 1024, 64, bonedry::http::UnderscoreNames::drop};
  /// Many times what the words of any command take.
  std::size_t body_bytes = std::size_t{64} * 1024;
  /// From accepting a connection, or the first byte of a request, to the end of the request.
  Millis request = std::chrono::seconds{10};
  Millis idle = std::chrono::seconds{75};
  /// How long a client may take to read more of its response.
  Millis io_timeout = std::chrono::seconds{30};
  Millis linger = std::chrono::seconds{2};
  /// After so long without an event, a comment goes out: a client that is gone is noticed by it.
  Millis keep_alive = std::chrono::seconds{15};
  /// Unread bytes at which the client of a stream is dropped: several times all events kept.
  std::size_t max_unread_bytes = std::size_t{1} << 20U;
};

/// What all connections of the door share; it outlives them.
struct ConnectionParts {
  io::EventLoop& loop;
  const ExchangeParts& exchange;
  BlockPool& blocks;
  const Clock& clock;
  const DoorLimits& limits;
  Millis hsts{0};
};

/// One client of the door (HTTP/1.1, RFC 9112): reads requests, one at a time, and sends their
/// responses.
///
///                  ┌───────────────────────────────────┐ (another request)
///   opening ──> reading ──> answering ──> flushing ────┤
///                                │             ^       └──> lingering ──> closed
///                                └> streaming ─┘
///
/// Every state goes to closed when the client is gone. Owned by HttpDoor, on the main loop.
class Connection final : private io::FdWatcher::Handler, private ResponseSink {
 public:
  /// `closed` is called once. The owner then destroys the connection, as soon as no call of it is
  /// on the stack; it must not do so before.
  Connection(const ConnectionParts& parts, io::TransportSource source, Sender sender,
             std::function<void(Connection&)> closed);
  ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void begin();
  /// Ends a response that is not complete with an error, and takes no further request.
  void leave(const CommandError& why);
  /// The same, and closes at once: what the client's socket does not take is lost.
  void stop(const CommandError& why);
  /// Closes at once. Needed only by the owner's end.
  void close();

 private:
  enum class State : std::uint8_t {
    opening,  ///< a TLS handshake
    reading,
    answering,
    streaming,
    flushing,
    lingering,
    closed
  };
  enum class Part : std::uint8_t { head, body };
  enum class Input : std::uint8_t { open, ended };
  enum class Next : std::uint8_t { request, close };
  /// What the timer of a stream waits for.
  enum class Awaited : std::uint8_t { silence, reader };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timer();

  void send(const Response& response) override;
  void begin_stream(const Response& head) override;
  void send_event(std::string_view event) override;
  void send_shared(const Slice& event) override;
  [[nodiscard]] bool is_behind() const override { return !out_.empty() || !waiting_.empty(); }
  void end_stream() override;

  void open();
  void read();
  void on_input_end();
  void process();
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void take_head();
  void refuse(int status, std::string why);
  void run();
  void go_on();
  void on_deferred();
  void flush();
  enum class Moved : std::uint8_t { no, yes };
  void time_stream(Moved moved);
  void on_flushed();
  void send_in_pieces(const Response& response);
  /// Whether there was one.
  [[nodiscard]] bool send_piece();
  void update_interest();
  void enter(State state, std::optional<Millis> time_limit);

  // Many: a connection is both directions, and the request between them.
  const ConnectionParts& parts_;
  io::ConnectionTransport transport_;
  Sender sender_;
  std::function<void(Connection&)> closed_;
  State state_ = State::opening;
  Part part_ = Part::head;
  Input input_ = Input::open;
  Next next_ = Next::request;
  Awaited awaited_ = Awaited::silence;
  io::Timer timer_;        // of the current state
  io::Deferred deferred_;  // when no exchange is on the stack: the next request, or a flush
  ReadBuffer in_;
  SliceQueue out_;
  std::function<std::string_view()> pieces_;  // of a body; see Response
  bonedry::http::BodyWriter pieces_writer_;
  std::string waiting_;  // of a stream, behind `out_`: in a block it would take a whole one
  bonedry::http::Parser parser_{bonedry::http::Parser::Kind::request};
  bonedry::http::Head head_;
  Request request_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace bonedry::admin::http_door
