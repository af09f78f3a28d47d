#pragma once

#include "admin/commands.h"
#include "admin/http_door/connection.h"
#include "admin/http_door/exchange.h"
#include "admin/http_door/status_feed.h"
#include "admin/socket_file.h"
#include "conf/config.h"
#include "proxy/base/block.h"
#include "proxy/base/result.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/listener.h"
#include "proxy/tls/loop_tls.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/ticket_keys.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace bonedry::admin {

/// The HTTP door ([admin] http): the commands as JSON, metrics, the dashboard. On the main loop;
/// clients do not block each other. Owned by the proxy's main, on its thread. After `listen`,
/// destroy it only when `close` has called back.
class HttpDoor {
 public:
  struct Parts {
    io::EventLoop& loop;
    Commands::Parts commands;
    /// Why the process does not serve new users, for /readyz; empty: it does.
    std::function<std::string()> not_serving;
  };
  /// Whether a process that this one takes over from has the address as well.
  enum class Address : std::uint8_t { free, shared };

  HttpDoor(const Parts& parts, const conf::AdminHttp& config,
           const http_door::DoorLimits& limits = {});
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  /// All that is likely to fail. Clients can connect, but nobody is accepted before `listen`. The
  /// error is for the operator.
  [[nodiscard]] Result<> bind(Address address);
  /// Accepts clients. A Unix socket gets its name.
  [[nodiscard]] Result<> listen();
  /// Where it is to be reached: "127.0.0.1:9900", with the port that was really bound. Valid after
  /// `bind`.
  [[nodiscard]] const std::string& address() const { return address_; }

  /// Another process has the door now: accepts nobody any more, ends responses that are not
  /// complete with an error, and answers what still comes on open connections with it.
  void leave(const CommandError& why);
  /// The same, and calls `closed` when all connections are gone: at the end of an event loop
  /// iteration, or from inside this call if there are none.
  void close(std::function<void()> closed, const CommandError& why);

  /// At most http_door::DoorLimits::connections.
  void set_connection_limit(std::size_t connections);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  class ClosedConnection;

  [[nodiscard]] Result<> bind_address(Address address);
  [[nodiscard]] const conf::AdminHttp& config() const;
  void on_accept(UniqueFd fd, const io::SocketAddress& from);
  [[nodiscard]] http_door::Sender sender_of(int fd, const io::SocketAddress& from) const;
  [[nodiscard]] io::TransportSource transport_of(UniqueFd fd);
  /// Takes over the certificates of the config in force. The error is for the operator.
  [[nodiscard]] Result<> follow_certificates();
  void rotate_ticket_keys();
  void turn_away(const UniqueFd& fd);
  void on_connection_closed(http_door::Connection& connection);
  void on_connection_gone();
  void report_if_closed();
  [[nodiscard]] std::vector<http_door::Connection*> all_connections() const;

  // Many: the door's own listener, and what its connections share.
  io::EventLoop& loop_;
  ControlPlane& control_;
  const Clock& clock_;
  const conf::AdminHttp started_with_;
  std::string address_;
  http_door::DoorLimits limits_;
  const std::size_t most_connections_;
  std::optional<Instant> told_of_limit_;
  BlockPool blocks_;
  tls::LoopTls loop_tls_;
  std::shared_ptr<const tls::TicketKeys> ticket_keys_;
  conf::ListenerTls tls_config_;  // of `tls_`
  std::shared_ptr<tls::ServerContext> tls_;
  Commands commands_;
  http_door::StatusFeed feed_;
  http_door::ExchangeParts exchange_parts_;
  http_door::ConnectionParts connection_parts_;
  UniqueFd bound_;
  std::optional<SocketFile> socket_file_;
  std::optional<io::Listener> listener_;
  std::unordered_map<http_door::Connection*, std::unique_ptr<http_door::Connection>> connections_;
  std::size_t closing_ = 0;  // closed connections that are not destroyed yet
  std::function<void()> closed_;
};

}  // namespace bonedry::admin
