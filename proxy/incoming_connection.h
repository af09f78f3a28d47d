#pragma once

#include "proxy/accepted_client.h"
#include "proxy/client_connection.h"
#include "proxy/handshakes.h"
#include "proxy/io/event_loop.h"

#include <cstdint>
#include <memory>
#include <string>

namespace bonedry::tls {
class ServerContext;
}  // namespace bonedry::tls

namespace bonedry::proxy {

class Worker;

/// Whether a connection begins with a PROXY header.
enum class ProxyHeaderMode : std::uint8_t { none, required };

/// What clients of a listener without TLS may speak.
enum class PlainHttp : std::uint8_t {
  http1,
  either,  ///< HTTP/2 begins with its preface (RFC 9113, section 3.3: "prior knowledge")
  http2,
};

/// What comes before HTTP on the connections of a listener.
struct BeforeHttp {
  ProxyHeaderMode proxy_header = ProxyHeaderMode::none;
  std::shared_ptr<const tls::ServerContext> tls = nullptr;  ///< null: plain
  PlainHttp plain = PlainHttp::http1;

  [[nodiscard]] bool is_nothing() const {
    return proxy_header == ProxyHeaderMode::none && !tls && plain == PlainHttp::http1;
  }
};

/// A client's connection before it is known what HTTP it speaks: while it sends the PROXY header
/// that its listener requires, while it shakes hands if the listener speaks TLS, and else until its
/// first bytes tell. Then the worker replaces it by a connection that speaks HTTP. Owned by its
/// worker.
///
///   proxy_header --> handshake or preface --> closed or passed on
class IncomingConnection final : public ClientConnection, private io::FdWatcher::Handler {
 public:
  IncomingConnection(Worker& worker, AcceptedClient accepted, BeforeHttp before);

  void begin() override;
  void drain() override;
  void close() override;
  void follow_topology() override {}

 private:
  enum class Stage : std::uint8_t { proxy_header, handshake, preface };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void begin_proxy_header();
  void read_plain();
  void parse_proxy_header();
  void begin_handshake();
  void continue_handshake();
  void shake_hands();
  void fail_handshake(const std::string& why);
  void begin_preface();
  void check_preface();
  void pass_on();
  [[nodiscard]] bool note_certificate();

  Worker& worker_;
  std::unique_ptr<io::Transport> transport_;  // null: closed, or passed on
  AcceptedClient accepted_;                   // all but the transport
  const BeforeHttp before_;
  Stage stage_;
  Handshakes::Place place_;
  io::Timer timer_;
};

}  // namespace bonedry::proxy
