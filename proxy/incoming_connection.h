#pragma once

#include "proxy/accepted_client.h"
#include "proxy/client_connection.h"
#include "proxy/io/event_loop.h"

#include <cstdint>

namespace bonedry::proxy {

class Worker;

/// Whether a connection begins with a PROXY header.
enum class ProxyHeaderMode : std::uint8_t { none, required };

/// A client's connection before its first HTTP byte, while it sends the PROXY header that its
/// listener requires. Then the worker replaces it by a connection that speaks HTTP. Owned by its
/// worker.
class IncomingConnection final : public ClientConnection, private io::FdWatcher::Handler {
 public:
  IncomingConnection(Worker& worker, AcceptedClient accepted);

  void begin() override;
  void drain() override { close(); }
  void close() override;
  void follow_topology() override {}

 private:
  void on_ready(io::Ready ready) override;
  void on_watch_failed(int error) override;
  void on_timeout();
  void parse();

  Worker& worker_;
  std::unique_ptr<io::Transport> transport_;  // null: closed, or passed on
  AcceptedClient accepted_;                   // all but the transport
  io::Timer timer_;
};

}  // namespace bonedry::proxy
