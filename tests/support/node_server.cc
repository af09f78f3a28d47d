#include "tests/support/node_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace bonedry::test {

NodeServer::NodeServer(std::string name, Serve serve)
    : name_(std::move(name)), serve_(std::move(serve)) {}

NodeServer::~NodeServer() {
  stop();
}

void NodeServer::serve_tls(const TlsServer& tls) {
  TlsContext context = make_context(tls);
  const std::lock_guard lock{mutex_};
  tls_ = std::move(context);
}

void NodeServer::start() {
  if (acceptor_.joinable()) return;
  stopping_ = false;
  port_.open();
  acceptor_ = std::thread{&NodeServer::accept_loop, this};
}

void NodeServer::stop() {
  stop_accepting();
  drop_connections();
}

void NodeServer::die() {
  stop_accepting();
  end_connections(&Socket::abort);
}

void NodeServer::stop_accepting() {
  if (!acceptor_.joinable()) return;
  stopping_ = true;
  port_.refuse();
  acceptor_.join();
  port_.close();
}

void NodeServer::drop_connections() {
  end_connections(&Socket::shut_down);
}

void NodeServer::end_connections(void (Socket::*how)()) {
  std::list<Connection> dropped;
  {
    const std::lock_guard lock{mutex_};
    for (Connection& connection : connections_) (connection.socket.*how)();
    dropped.swap(connections_);
  }
  for (Connection& connection : dropped) connection.thread.join();
}

void NodeServer::join_finished() {
  std::list<Connection> done;
  {
    const std::lock_guard lock{mutex_};
    for (auto it = connections_.begin(); it != connections_.end();) {
      const auto next = std::next(it);
      if (it->finished) done.splice(done.end(), connections_, it);
      it = next;
    }
  }
  for (Connection& connection : done) connection.thread.join();
}

void NodeServer::accept_loop() {
  while (!stopping_) {
    Socket socket = port_.accept(std::chrono::seconds{1});
    join_finished();
    if (!socket.is_open()) continue;
    const std::lock_guard lock{mutex_};
    if (stopping_ || connections_.size() >= kMaxConnections) continue;
    const std::size_t number = ++accepted_;
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.tls = tls_;
    connection.thread = std::thread{[this, &connection, number] { run(connection, number); }};
  }
}

void NodeServer::run(Connection& connection, std::size_t number) {
  try {
    if (connection.tls) shake_hands(connection, number);
    serve_(connection.socket, number);
  } catch (const SocketError&) {
    // The proxy closed, or the node was stopped: the client judges the result.
  } catch (const std::exception& error) {
    ADD_FAILURE() << "node " << name_ << ": " << error.what();
  }
  {
    const std::lock_guard lock{mutex_};
    connection.socket.close();  // under the lock, so that no reused descriptor is shut down
  }
  connection.finished = true;
}

void NodeServer::shake_hands(Connection& connection, std::size_t number) {
  Socket& socket = connection.socket;
  NodeHandshake handshake;
  handshake.connection = number;
  try {
    socket.accept_tls(connection.tls, kIdle);
    handshake.client_certificate = socket.peer_certificate();
    handshake.alpn = socket.alpn();
    handshake.resumed = socket.session_reused();
  } catch (const SocketError& error) {
    handshake.error = error.what();
  }
  handshake.version = socket.tls_version();
  handshake.server_name = socket.server_name();
  const std::string failure = handshake.error;
  {
    const std::lock_guard lock{mutex_};
    if (handshakes_.size() < kKeptHandshakes) handshakes_.push_back(std::move(handshake));
  }
  if (!failure.empty()) throw SocketError(failure);
}

std::size_t NodeServer::connections() const {
  const std::lock_guard lock{mutex_};
  return accepted_;
}

std::size_t NodeServer::open_connections() const {
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const Connection& each) { return !each.finished; }));
}

std::vector<NodeHandshake> NodeServer::handshakes() const {
  const std::lock_guard lock{mutex_};
  return handshakes_;
}

}  // namespace bonedry::test
