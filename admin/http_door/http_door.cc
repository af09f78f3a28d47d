#include "admin/http_door/http_door.h"

#include "admin/http_door/openapi.h"
#include "admin/user_name.h"
#include "proxy/tls/tls_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace bonedry::admin {

using http_door::Connection;
using http_door::Reach;
using http_door::Sender;

namespace {

Reach reach_of(const conf::AdminHttp& config) {
  if (!config.socket.empty()) return Reach::local;
  return config.is_loopback() ? Reach::loopback : Reach::network;
}

/// A client that waits for hours and loses its power is noticed within two minutes (tcp(7)). Has no
/// effect on a Unix socket, whose clients cannot be lost.
void notice_lost_peers(const UniqueFd& fd) {
  const auto set = [&fd](int level, int option, int value) {
    (void)::setsockopt(fd.get(), level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

}  // namespace

/// Keeps a closed connection until no call of it is on the stack.
class HttpDoor::ClosedConnection final : public io::Retirable {
 public:
  ClosedConnection(HttpDoor& door, std::unique_ptr<Connection> connection)
      : door_(door), connection_(std::move(connection)) {}
  ~ClosedConnection() override {
    connection_.reset();
    door_.on_connection_gone();
  }

 private:
  HttpDoor& door_;
  std::unique_ptr<Connection> connection_;
};

HttpDoor::HttpDoor(const Parts& parts, const conf::AdminHttp& config,
                   const http_door::DoorLimits& limits)
    : loop_(parts.loop),
      control_(parts.commands.control),
      clock_(parts.commands.clock),
      started_with_(config),
      limits_(limits),
      most_connections_(limits.connections),
      commands_(parts.commands),
      feed_(loop_, blocks_, control_),
      exchange_parts_{commands_,        control_,          feed_,
                      reach_of(config), parts.not_serving, http_door::openapi()},
      connection_parts_{loop_, exchange_parts_, blocks_, clock_, limits_} {}

HttpDoor::~HttpDoor() {
  assert(!listener_ && connections_.empty() && closing_ == 0);
}

Result<> HttpDoor::bind(Address address) {
  const Result<> certified = follow_certificates();
  if (!certified) return Failure{"[admin] http: " + certified.error()};
  if (started_with_.socket.empty()) return bind_address(address);
  address_ = started_with_.socket;
  auto file = SocketFile::bind_temporary(address_, address == Address::shared
                                                       ? SocketFile::IfInUse::replace
                                                       : SocketFile::IfInUse::refuse);
  if (!file) return Failure{"[admin] http: " + file.error()};
  socket_file_.emplace(std::move(*file));
  bound_ = socket_file_->take_socket();
  return Done{};
}

Result<> HttpDoor::bind_address(Address address) {
  conf::Address bound = started_with_.address;
  const std::string name = conf::to_string(bound);
  const auto target = io::make_address(bound.host, bound.port);
  if (!target) return Failure{"[admin] http: " + target.error()};
  if (address == Address::free && bound.port != 0) {
    const Result<> free = io::check_free(*target, name);
    if (!free) return Failure{"[admin] http: " + free.error()};
  }
  Result<UniqueFd> socket = io::bind_to(*target);
  if (!socket) return Failure{"[admin] http: " + socket.error()};
  bound_ = std::move(*socket);
  bound.port = io::bound_port(bound_);
  address_ = conf::to_string(bound);
  return Done{};
}

Result<> HttpDoor::listen() {
  if (socket_file_) {
    const Result<> published = socket_file_->publish();
    if (!published) return published;
  } else {
    const Result<> listening = io::start_listening(bound_);
    if (!listening) return listening;
  }
  listener_.emplace(
      loop_, std::move(bound_),
      [this](UniqueFd fd, const io::SocketAddress& from) { on_accept(std::move(fd), from); },
      [](int error) {
        if (error == 0) return spdlog::warn("admin http: accepting connections again");
        spdlog::error("admin http: cannot accept connections, retrying: {}",
                      io::shortage_text(error));
      });
  return Done{};
}

void HttpDoor::leave(const CommandError& why) {
  exchange_parts_.left = why;
  if (listener_) listener_->accept_backlog();
  listener_.reset();
  socket_file_.reset();
  for (Connection* const connection : all_connections()) connection->leave(why);
}

void HttpDoor::close(std::function<void()> closed, const CommandError& why) {
  closed_ = std::move(closed);
  listener_.reset();
  socket_file_.reset();
  bound_.reset();
  for (Connection* const connection : all_connections()) connection->stop(why);
  report_if_closed();
}

/// The door keeps its address; its certificates may be renewed.
const conf::AdminHttp& HttpDoor::config() const {
  const auto& now = control_.config().admin.http;
  return now && now->tls.has_value() == started_with_.tls.has_value() ? *now : started_with_;
}

/// Cheap enough to be asked for each connection: the contents are compared only if they are not the
/// same object.
Result<> HttpDoor::follow_certificates() {
  const auto& wanted = config().tls;
  if (!wanted || (tls_ && *wanted == tls_config_)) return Done{};
  if (!ticket_keys_) ticket_keys_ = std::make_shared<const tls::TicketKeys>(clock_.wall());
  auto made =
      tls::ServerContext::make(loop_tls_.library(), *wanted, {"[admin] http", ticket_keys_});
  if (!made) return Failure{made.error()};
  tls_ = std::move(*made);
  tls_config_ = *wanted;
  connection_parts_.hsts = wanted->hsts;
  return Done{};
}

void HttpDoor::rotate_ticket_keys() {
  const WallTime now = clock_.wall();
  if (!ticket_keys_->is_rotation_due(now)) return;
  ticket_keys_ = std::make_shared<const tls::TicketKeys>(ticket_keys_->rotated(now));
  tls_->set_ticket_keys(ticket_keys_);
}

io::TransportSource HttpDoor::transport_of(UniqueFd fd) {
  if (!started_with_.tls) return fd;
  const Result<> followed = follow_certificates();
  if (!followed) {
    spdlog::error("admin http: the new certificates are not used: {}", followed.error());
  }
  rotate_ticket_keys();
  return std::make_unique<tls::TlsTransport>(tls::TransportContext{loop_, blocks_}, tls_->accept(),
                                             io::TransportSource(std::move(fd)));
}

void HttpDoor::set_connection_limit(std::size_t connections) {
  limits_.connections = std::min(connections, most_connections_);
}

/// Who speaks TLS could not read the response.
void HttpDoor::turn_away(const UniqueFd& fd) {
  constexpr std::string_view kTooMany =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\n"
      "Connection: close\r\n\r\n";
  constexpr Millis kTellEvery = std::chrono::seconds{10};
  if (!tls_) (void)::send(fd.get(), kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (told_of_limit_ && clock_.now() - *told_of_limit_ < kTellEvery) return;
  told_of_limit_ = clock_.now();
  spdlog::warn("admin http: {} connections are open; further clients are turned away",
               limits_.connections);
}

Sender HttpDoor::sender_of(int fd, const io::SocketAddress& from) const {
  if (exchange_parts_.reach != Reach::local) {
    const bool near = exchange_parts_.reach == Reach::loopback;
    return {near ? access::Peer::other : access::Peer::remote, "http " + io::host_text(from)};
  }
  const std::optional<uid_t> user = peer_user(fd);
  const bool owner = user && (*user == 0 || *user == ::geteuid());
  return {owner ? access::Peer::owner : access::Peer::other, peer_name(fd)};
}

void HttpDoor::on_accept(UniqueFd fd, const io::SocketAddress& from) {
  if (connections_.size() + closing_ >= limits_.connections) return turn_away(fd);
  Sender sender = sender_of(fd.get(), from);
  notice_lost_peers(fd);
  auto connection = std::make_unique<Connection>(
      connection_parts_, transport_of(std::move(fd)), std::move(sender),
      [this](Connection& closed) { on_connection_closed(closed); });
  Connection& admitted = *connection;
  connections_.emplace(&admitted, std::move(connection));
  admitted.begin();
}

std::vector<Connection*> HttpDoor::all_connections() const {
  std::vector<Connection*> all;
  for (const auto& [connection, owned] : connections_) all.push_back(connection);
  return all;
}

void HttpDoor::on_connection_closed(Connection& connection) {
  auto left = connections_.extract(&connection);
  ++closing_;
  loop_.retire(std::make_unique<ClosedConnection>(*this, std::move(left.mapped())));
}

void HttpDoor::on_connection_gone() {
  --closing_;
  report_if_closed();
}

void HttpDoor::report_if_closed() {
  if (!closed_ || !connections_.empty() || closing_ > 0) return;
  std::exchange(closed_, nullptr)();
}

}  // namespace bonedry::admin
