#pragma once

#include "admin/admin_connection.h"
#include "admin/command_table.h"
#include "admin/commands.h"
#include "admin/socket_file.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/listener.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bonedry::admin {

/// The admin socket: a Unix stream socket on the main loop. A client sends one line with one
/// command and gets the response; then the connection ends, unless the command was HAProxy's
/// `prompt`. Clients do not block each other.
///
/// Owned by the proxy's main, on its thread. After a successful `listen`, destroy it only when
/// `close` has called back.
class AdminServer {
 public:
  AdminServer(io::EventLoop& loop, std::string path, const Commands::Parts& parts,
              const AdminLimits& limits = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// For errors see SocketFile::listen; after an error nothing is left behind.
  Result<> listen();
  /// The same with an open socket, which may still have its temporary name.
  void listen(SocketFile socket);
  /// Moves a socket file with a temporary name to the path that clients connect to.
  Result<> publish() { return socket_->publish(); }

  /// Sends `why` as an error to clients whose command is running.
  void fail_running_commands(std::string_view why);
  /// Removes the socket file, sends `why` as an error to clients that wait for a response, and
  /// calls `closed` when all connections are gone: at the end of the event loop iteration, or from
  /// inside this call if there are none.
  void close(std::function<void()> closed, std::string_view why = kStopping);

  /// Limits for clients that connect from now on; the time-outs of `limits` stay.
  void set_limits(std::size_t connections, std::size_t rejected) {
    limits_.connections = connections;
    limits_.rejected = rejected;
  }
  /// Connected clients, including those that are being turned away.
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  class ClosedConnection;

  void on_accept(UniqueFd fd);
  void on_connection_closed(AdminConnection& connection);
  void on_connection_gone();
  void report_if_closed();
  /// A snapshot: connections in it may close, but are not destroyed before the end of the event
  /// loop iteration.
  [[nodiscard]] std::vector<AdminConnection*> all_connections() const;

  io::EventLoop& loop_;
  std::string path_;
  Commands commands_;
  AdminLimits limits_;
  std::optional<SocketFile> socket_;
  std::optional<io::Listener> listener_;
  std::unordered_map<AdminConnection*, std::unique_ptr<AdminConnection>> connections_;
  std::size_t closing_ = 0;  // closed connections that are not destroyed yet
  std::function<void()> closed_;
};

}  // namespace bonedry::admin
