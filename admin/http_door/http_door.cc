#include "admin/http_door/http_door.h"

#include "admin/user_name.h"
#include "proxy/tls/tls_transport.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

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
      commands_(parts.commands),
      feed_(loop_, blocks_, control_),
      exchange_parts_{commands_, control_, feed_, blocks_, reach_of(config), parts.not_serving},
      connection_parts_{loop_, exchange_parts_, clock_, limits_,
                        config.tls ? config.tls->hsts : Millis{0}} {}

HttpDoor::~HttpDoor() {
  assert(!listener_ && connections_.empty() && closing_ == 0);
}

Result<> HttpDoor::bind(Address address) {
  follow_certificates();
  if (started_with_.socket.empty()) return bind_address(address);
  address_ = started_with_.socket;
  auto file = SocketFile::bind_temporary(address_, address == Address::shared
                                                       ? SocketFile::IfInUse::replace
                                                       : SocketFile::IfInUse::refuse);
  if (!file) return Failure{file.error()};
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

void HttpDoor::stop_accepting(const CommandError& why) {
  if (listener_) listener_->accept_backlog();
  listener_.reset();
  socket_file_.reset();
  for (Connection* const connection : all_connections()) connection->fail_if_running(why);
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
void HttpDoor::follow_certificates() {
  const auto& wanted = config().tls;
  if (!wanted || (tls_ && *wanted == tls_config_)) return;
  if (!ticket_keys_) ticket_keys_ = std::make_shared<const tls::TicketKeys>(clock_.wall());
  auto made =
      tls::ServerContext::make(loop_tls_.library(), *wanted, {"[admin] http", ticket_keys_});
  if (!made) return spdlog::error("admin http: the certificates are not used: {}", made.error());
  tls_ = std::move(*made);
  tls_config_ = *wanted;
}

io::TransportSource HttpDoor::transport_of(UniqueFd fd) {
  if (!started_with_.tls) return fd;
  follow_certificates();
  return std::make_unique<tls::TlsTransport>(tls::TransportContext{loop_, blocks_}, tls_->accept(),
                                             io::TransportSource(std::move(fd)));
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
  if (connections_.size() + closing_ >= limits_.connections) return;  // closed: there is no room
  Sender sender = sender_of(fd.get(), from);
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
