#pragma once

#include "proxy/base/read_buffer.h"
#include "proxy/client_census.h"
#include "proxy/exchange.h"
#include "proxy/http/parser.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/outbox.h"
#include "proxy/io/socket.h"
#include "proxy/stream.h"

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace bonedry::proxy {

class Worker;

/// What a connection begins with.
enum class Opening : std::uint8_t { request, proxy_header };

/// One HTTP/1 connection of a client. Owned by its worker; serves one exchange after another, in
/// the order of their requests.
///
///   proxy_header --> closed             proxy_header: where the listener has it, once
///     |
///     v
///   head --> exchange --> head ...      head: between requests, or within a request's head
///     \          |
///      \         v
///       \--> lingering --> closed       lingering: all is said, the client may still be talking
class DownstreamConnection final : public io::Retirable,
                                   public DownstreamStream,
                                   private io::FdWatcher::Handler {
 public:
  DownstreamConnection(Worker& worker, UniqueFd fd, const io::SocketAddress& peer,
                       std::size_t listener, Opening opening, ClientCensus::Seat seat);
  ~DownstreamConnection() override;

  /// Serves what the client has sent before it was accepted.
  void begin();
  /// The worker ends: closes at once between requests, else after the exchange.
  void drain();
  /// Closes at once, whatever is under way.
  void close();
  /// The topology has changed.
  void follow_topology();

  void send_interim(const http::Head& head) override;
  void send_head(const http::Head& head, const http::ResponseExtras& extras) override;
  void send_body(const BodySlices& body) override;
  [[nodiscard]] bool takes_pipes() const override;
  void send_body(io::PipeLease body) override;
  void send_end(std::string_view trailers) override;
  void send_local(const http::LocalReply& reply) override;
  Flow flush() override;
  [[nodiscard]] std::size_t unsent() const override { return out_.bytes(); }
  [[nodiscard]] std::size_t unacknowledged() const override {
    return socket_ ? socket_->unacknowledged() : 0;
  }
  [[nodiscard]] bool gone() const override { return state_ == State::exchange && !socket_; }
  [[nodiscard]] io::Route route() const override;
  void want_body() override;
  void hold_body() override;
  void begin_tunnel() override;
  void exchange_over(Departure departure) override;

 private:
  friend class Worker;
  static constexpr std::size_t kNotLooked = std::numeric_limits<std::size_t>::max();
  enum class State : std::uint8_t { proxy_header, head, exchange, lingering, closed };
  enum class Body : std::uint8_t { none, held, wanted };
  enum class Input : std::uint8_t { open, ended };

  void on_ready(io::Ready ready) override;
  void on_unwatched(int error) override;
  void read();
  void read_memory();
  void read_spliced(io::PipeLease pipe);
  void on_end_of_input();
  void on_end_of_tunnel();
  /// Whether what happens on the socket can only be an error.
  [[nodiscard]] bool expects_nothing() const { return !reads() && out_.empty(); }
  [[nodiscard]] bool reads() const;
  void probe();
  [[nodiscard]] std::size_t take_probe();
  /// The client has left; the exchange may go on without it.
  void on_client_lost();
  [[nodiscard]] bool orphan();
  void process();
  [[nodiscard]] bool parse_proxy_header();
  void learn_client(const io::ProxyHeader& header);
  /// Whether the client, now known, may have one more connection.
  [[nodiscard]] bool is_admitted();
  [[nodiscard]] http::Trust trust_in(const IpAddress& address) const;
  [[nodiscard]] bool is_cut_off() const;
  [[nodiscard]] bool parse_head();
  [[nodiscard]] bool parse_body();
  void start_exchange();
  void refuse(const http::Refusal& refusal);
  void next_request();
  void linger();
  [[nodiscard]] bool still_hears();
  void reset_and_close();
  void on_timeout();
  void update_interest();
  [[nodiscard]] http::HeadSink sink();

  Worker& worker_;
  std::string client_;
  Endpoint source_;                      // the client's end: the peer, or whom a proxy announced
  std::optional<Endpoint> destination_;  // the other, if a proxy announced it
  http::Trust trust_ = http::Trust::none;
  std::size_t listener_;
  ClientCensus::Seat seat_;
  std::uint64_t requests_ = 0;
  State state_;
  Body body_ = Body::none;
  Input input_ = Input::open;
  std::optional<io::Socket> socket_;
  io::Timer timer_;  // header, idle or linger, as the state has it; response, without a client
  ReadBuffer in_;
  io::Outbox out_;
  http::Parser parser_{http::Parser::Kind::request};
  std::unique_ptr<Exchange> exchange_;
  http::BodyKind response_framing_ = http::BodyKind::none;
  // Once the last byte of the last answer is queued, the end of the connection follows it. That of
  // a tunnel is said at once, since the client may go on talking.
  enum class Ending : std::uint8_t { no, with_answer, now, said } ending_ = Ending::no;
  // Whether the beginning of the next head has been sent ahead of it.
  enum class Probe : std::uint8_t { none, sent } probe_ = Probe::none;
  std::size_t lingered_ = 0;
  std::size_t unheard_ = kNotLooked;  // of the last answer, at the last look
  std::size_t worker_index_ = 0;
  enum class Processing : std::uint8_t { idle, running } processing_ = Processing::idle;
};

}  // namespace bonedry::proxy
