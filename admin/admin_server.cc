#include "admin/admin_server.h"

#include <spdlog/spdlog.h>

#include <cassert>
#include <utility>
#include <vector>

namespace bonedry::admin {
namespace {

constexpr std::string_view kTooMany = "too many admin connections";

}  // namespace

/// Keeps a closed connection until no call of it is on the stack.
class AdminServer::ClosedConnection final : public io::Retirable {
 public:
  ClosedConnection(AdminServer& server, std::unique_ptr<AdminConnection> connection)
      : server_(server), connection_(std::move(connection)) {}
  ~ClosedConnection() override {
    connection_.reset();
    server_.on_connection_gone();
  }

 private:
  AdminServer& server_;
  std::unique_ptr<AdminConnection> connection_;
};

AdminServer::AdminServer(io::EventLoop& loop, std::string path, const Commands::Parts& parts,
                         const AdminLimits& limits)
    : loop_(loop), path_(std::move(path)), commands_(parts), limits_(limits) {}

AdminServer::~AdminServer() {
  assert(!listener_ && connections_.empty() && closing_ == 0);
}

Result<> AdminServer::listen() {
  auto socket = SocketFile::listen(path_);
  if (!socket) return Failure{socket.error()};
  listen(std::move(*socket));
  return Done{};
}

void AdminServer::listen(SocketFile socket) {
  socket_.emplace(std::move(socket));
  listener_.emplace(
      loop_, socket_->take_socket(),
      [this](UniqueFd fd, const io::SocketAddress&) { on_accept(std::move(fd)); },
      [](int error) {
        if (error == 0) return spdlog::warn("admin: accepting connections again");
        spdlog::error("admin: cannot accept connections, retrying: {}", io::shortage_text(error));
      });
}

std::vector<AdminConnection*> AdminServer::all_connections() const {
  std::vector<AdminConnection*> all;
  for (const auto& [connection, owned] : connections_) all.push_back(connection);
  return all;
}

void AdminServer::fail_running_commands(std::string_view why) {
  for (AdminConnection* const connection : all_connections()) connection->fail_if_running(why);
}

void AdminServer::close(std::function<void()> closed, std::string_view why) {
  closed_ = std::move(closed);
  listener_.reset();
  socket_.reset();
  for (AdminConnection* const connection : all_connections()) connection->stop(why);
  report_if_closed();
}

void AdminServer::on_accept(UniqueFd fd) {
  if (connections_.size() >= limits_.connections + limits_.rejected) {
    return turn_away(fd.get(), kTooMany);
  }
  auto connection = std::make_unique<AdminConnection>(
      loop_, std::move(fd), commands_, limits_,
      [this](AdminConnection& closed) { on_connection_closed(closed); });
  AdminConnection& admitted = *connection;
  connections_.emplace(&admitted, std::move(connection));
  if (connections_.size() > limits_.connections) admitted.fail(kTooMany);
}

void AdminServer::on_connection_closed(AdminConnection& connection) {
  auto left = connections_.extract(&connection);
  ++closing_;
  loop_.retire(std::make_unique<ClosedConnection>(*this, std::move(left.mapped())));
}

void AdminServer::on_connection_gone() {
  --closing_;
  report_if_closed();
}

void AdminServer::report_if_closed() {
  if (!closed_ || !connections_.empty() || closing_ > 0) return;
  std::exchange(closed_, nullptr)();
}

}  // namespace bonedry::admin
