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

/// The admin socket: a Unix stream socket on the main loop. One line is one command, then comes the
/// answer, then the end. Each client has its own pace: no other is held up by it.
///
/// Owned by the proxy's main, on its thread. After a good `listen`, destroy it only when `close`
/// has called back.
class AdminServer {
 public:
  AdminServer(io::EventLoop& loop, std::string path, ControlPlane& control, EventLog& events,
              const Clock& clock, const AdminLimits& limits = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// See SocketFile::listen for what may fail; nothing is left behind then.
  Result<> listen();
  /// The same with a socket at hand, a temporary_path or not.
  void listen(SocketFile socket);
  /// Puts the temporary_path where clients look.
  Result<> publish() { return socket_->publish(); }

  /// Tells clients whose command is under way why there will be no answer.
  void fail_running_commands(std::string_view why);
  /// Removes the socket file, tells clients that wait for an answer why there will be none, and
  /// calls `closed` when they have gone: at the end of the round, or at once if there are none.
  void close(std::function<void()> closed, std::string_view why = kStopping);

  /// For clients that come from now on; the times of `limits` stay.
  void set_limits(std::size_t connections, std::size_t rejected) {
    limits_.connections = connections;
    limits_.rejected = rejected;
  }
  /// Clients connected, those that are being turned away included.
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  class ClosedConnection;

  void on_accept(UniqueFd fd);
  void on_connection_closed(AdminConnection& connection);
  void on_connection_gone();
  void report_if_closed();
  /// Of now: each may go meanwhile, but is not destroyed before the end of the round.
  [[nodiscard]] std::vector<AdminConnection*> all_connections() const;

  io::EventLoop& loop_;
  std::string path_;
  Commands commands_;
  AdminLimits limits_;
  std::optional<SocketFile> socket_;
  std::optional<io::Listener> listener_;
  std::unordered_map<AdminConnection*, std::unique_ptr<AdminConnection>> connections_;
  std::size_t closing_ = 0;  // closed, until the end of the round
  std::function<void()> closed_;
};

}  // namespace bonedry::admin
