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

/// A client's connection before its first HTTP byte: while it sends the PROXY header that its
/// listener requires, then while it shakes hands if the listener speaks TLS. Then the worker
/// replaces it by a connection that speaks HTTP. Owned by its worker.
///
///   proxy_header --> handshake --> closed or passed on
class IncomingConnection final : public ClientConnection, private io::FdWatcher::Handler {
 public:
  /// `tls` is null if the listener does not speak TLS.
  IncomingConnection(Worker& worker, AcceptedClient accepted, ProxyHeaderMode proxy_header,
                     std::shared_ptr<const tls::ServerContext> tls);

  void begin() override;
  void drain() override { close(); }
  void close() override;
  void follow_topology() override {}

 private:
  enum class Stage : std::uint8_t { proxy_header, handshake };

  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void begin_proxy_header();
  void read_proxy_header();
  void parse_proxy_header();
  void begin_handshake();
  void continue_handshake();
  void shake_hands();
  void fail_handshake(const std::string& why);
  [[nodiscard]] bool note_certificate();

  Worker& worker_;
  std::unique_ptr<io::Transport> transport_;  // null: closed, or passed on
  AcceptedClient accepted_;                   // all but the transport
  std::shared_ptr<const tls::ServerContext> tls_;
  Stage stage_;
  Handshakes::Place place_;
  io::Timer timer_;
};

}  // namespace bonedry::proxy
