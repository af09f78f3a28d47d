#pragma once

#include "balancer/idle_lifetime.h"
#include "balancer/node.h"
#include "conf/config.h"
#include "proxy/base/chunk.h"
#include "proxy/http/parser.h"
#include "proxy/io/pipe.h"
#include "proxy/io/socket.h"
#include "proxy/node_census.h"
#include "proxy/upstream_connection.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

namespace bonedry::proxy {

/// What the connections of a worker share.
struct WorkerContext {
  io::EventLoop& loop;
  ChunkPool& chunks;
  io::PipePool& pipes;
  NodeCensus& nodes;
  http::HeadLimits heads;
  conf::Limits limits;
  conf::Timeouts timeouts;
  std::vector<conf::Network> trusted_proxies;
  std::size_t waiting = 0;  ///< exchanges in the queues of all its UpstreamPools
};

/// Whether a connection that served before will do.
enum class Freshness : std::uint8_t { any, fresh };

/// One worker's connections to one node. Must outlive no loop round after its last connection.
class UpstreamPool {
 public:
  /// Idle connections kept per node and worker: as many as a busy worker has exchanges open.
  static constexpr std::size_t kMostIdle = 1024;
  /// From this many on, an idle connection that is passed over as too old makes way for the new
  /// one.
  static constexpr std::size_t kPassedOver = 16;

  UpstreamPool(WorkerContext& context, std::shared_ptr<balancer::Node> node,
               const conf::Address& address, const conf::Pool& config);
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// A connection on loan: idle or connecting. Or the errno of a connect that failed at once. Idle
  /// ones are lent only as long as the node is known to keep them, as far as `repeat` needs that.
  [[nodiscard]] std::variant<UpstreamConnection*, int> lease(Freshness freshness,
                                                             balancer::Repeat repeat,
                                                             UpstreamEvents& exchange);

  /// Connections made under another address or protocol serve no further exchange.
  void configure(const conf::Address& address, const conf::Pool& config);
  void close_idle();
  void close_oldest_idle() { drop(*idle_.front()); }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }
  [[nodiscard]] bool empty() const { return all_.empty() && waiting_.empty(); }

  /// For exchanges that found all connections of the node in use, here or by other workers: they
  /// are told `on_connection_free`, in the order in which they came.
  void wait(UpstreamEvents& exchange);
  void stop_waiting(UpstreamEvents& exchange);
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  /// At the end of a loop round, when no exchange is on the stack. `most`: the node's limit.
  void serve_waiting(std::uint64_t most);
  [[nodiscard]] WorkerContext& context() { return context_; }
  [[nodiscard]] balancer::Node& node() { return *node_; }

 private:
  friend class UpstreamConnection;
  void add_idle(UpstreamConnection& connection);
  void remove_idle(UpstreamConnection& connection);
  void drop(UpstreamConnection& connection);
  [[nodiscard]] UpstreamConnection* find_idle(balancer::Repeat repeat);
  [[nodiscard]] io::ConnectStart connect();

  WorkerContext& context_;
  std::shared_ptr<balancer::Node> node_;
  conf::Address address_;
  conf::ProxyProtocol proxy_protocol_ = conf::ProxyProtocol::off;
  Millis reuse_{0};  // how long idle connections are kept; 0: not at all
  balancer::IdleLifetime lifetime_;
  io::SocketAddress target_;
  std::uint64_t generation_ = 0;  // of the address and the protocol
  std::vector<std::unique_ptr<UpstreamConnection>> all_;
  std::vector<UpstreamConnection*> idle_;  // the newest last
  std::deque<UpstreamEvents*> waiting_;    // bounded by the node's max_waiting
};

}  // namespace bonedry::proxy
