#pragma once

#include "tests/support/socket.h"
#include "tests/support/tls.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {

/// A TLS handshake of a node, done or failed.
struct NodeHandshake {
  std::size_t connection = 0;  ///< the number of the node's connection, from 1
  std::string server_name;     ///< the SNI; "" when there was none
  std::string version;         ///< such as "TLSv1.3"
  std::string alpn;
  std::string client_certificate;  ///< PEM
  bool resumed = false;
  std::string error;  ///< why it failed; "" when it is done
};

/// The port of a scripted node. It accepts connections, at most kMaxConnections, and serves each
/// on a thread of its own. Owned by the node, which says how to serve. Thread-safe.
class NodeServer {
 public:
  static constexpr std::size_t kMaxConnections = 1000;
  static constexpr std::size_t kKeptHandshakes = 20000;
  /// How long a client may say nothing.
  static constexpr Millis kIdle = std::chrono::minutes{5};

  /// Serves one connection to its end. A SocketError ends it, too; any other exception is a
  /// failure of the test.
  using Serve = std::function<void(Socket& socket, std::size_t number)>;

  NodeServer(std::string name, Serve serve);  ///< does not listen yet
  ~NodeServer();
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& address() const { return port_.address(); }

  /// Speaks TLS on the connections from now on. Sessions of before are unknown, even when the
  /// settings are the same.
  void serve_tls(const TlsServer& tls);

  /// Listens, again at the same address.
  void start();
  /// Refuses connections from now on and cuts off open ones.
  void stop();
  /// Like `stop`, but each open connection gets only a RST, as if the machine had failed.
  void die();
  /// Cuts off open connections and keeps accepting new ones.
  void drop_connections();

  [[nodiscard]] std::size_t connections() const;       ///< accepted so far
  [[nodiscard]] std::size_t open_connections() const;  ///< being served now
  /// All handshakes so far, in the order of their ends.
  [[nodiscard]] std::vector<NodeHandshake> handshakes() const;

 private:
  struct Connection {
    Socket socket;
    TlsContext tls;  // null without TLS
    std::thread thread;
    std::atomic<bool> finished{false};
  };

  void accept_loop();
  void stop_accepting();
  void end_connections(void (Socket::*how)());
  void run(Connection& connection, std::size_t number);
  void shake_hands(Connection& connection, std::size_t number);
  void join_finished();

  const std::string name_;
  const Serve serve_;
  ListeningPort port_;
  std::thread acceptor_;
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;  // guards everything below
  TlsContext tls_;
  std::list<Connection> connections_;
  std::vector<NodeHandshake> handshakes_;
  std::size_t accepted_ = 0;
};

}  // namespace bonedry::test
