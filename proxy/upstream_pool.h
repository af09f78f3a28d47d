#pragma once

#include "balancer/idle_lifetime.h"
#include "balancer/node.h"
#include "balancer/topology.h"
#include "conf/config.h"
#include "proxy/connection_context.h"
#include "proxy/http2_upstream_list.h"
#include "proxy/io/socket.h"
#include "proxy/node_transport.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_limiter.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace bonedry::proxy {

/// What the connections of a worker share.
struct WorkerContext : ConnectionContext {
  UpstreamLimiter& upstream_limiter;
  conf::Limits limits;
  conf::Timeouts timeouts;
  std::vector<conf::Network> trusted_proxies;
  std::size_t waiting = 0;  ///< exchanges in the queues of all its UpstreamPools
};

/// One worker's connections to one node. May be destroyed as soon as it has no connection, even in
/// the same event loop iteration.
class UpstreamPool final : public NodeStreams, private UpstreamOwner {
 public:
  /// Idle connections kept per node and worker: as many as a busy worker has open exchanges.
  static constexpr std::size_t kMaxIdle = 1024;
  /// From this many idle connections on, the oldest is closed when all are too old to be leased and
  /// a new one is opened.
  static constexpr std::size_t kEvictTooOldAt = 16;

  /// Call `configure` before anything else.
  /// `meter`: what this worker counts of the node.
  UpstreamPool(WorkerContext& context, std::shared_ptr<balancer::Node> node,
               balancer::NodeMeter& meter);
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// Lends an idle connection only if the node probably still keeps it open. Takes a larger risk
  /// for a request that may be repeated.
  [[nodiscard]] Lease lease(const LeaseRequest& request, UpstreamEvents& exchange) override;
  [[nodiscard]] Lease lease(const LeaseRequest& request, UpstreamEvents& exchange,
                            ConnectionToken turn) override;
  void leave_queue(UpstreamEvents& exchange) override;
  [[nodiscard]] balancer::NodeMeter& meter() override { return meter_; }

  /// Connections made with another address, protocol, PROXY protocol or TLS context serve no
  /// further exchange. `tls`: null for plain connections.
  void configure(const balancer::NodeView& node, const conf::Pool& config,
                 const std::shared_ptr<const tls::ClientContext>& tls);
  /// Those that carry no exchange.
  void close_idle();
  /// There must be one.
  void close_oldest_idle();
  [[nodiscard]] std::size_t idle() const { return idle_.size() + http2_.idle(); }
  [[nodiscard]] bool empty() const { return all_.empty() && http2_.empty() && waiting_.empty(); }

  /// Calls `on_turn` of queued exchanges in arrival order, as long as the node has connections
  /// left. Call at the end of an event loop iteration, when no exchange is on the stack.
  void serve_queue();

 private:
  void set_target(const balancer::NodeView& node, const conf::Pool& config,
                  const std::shared_ptr<const tls::ClientContext>& tls);
  void on_connect_succeeded() override { node_->note_connect_success(); }
  /// May mark the node down, but not after a shortage of our own resources.
  [[nodiscard]] ExchangeError on_connect_failed(int error, const std::string& why) override;
  void on_tls_failed(const std::string& why) override;
  [[nodiscard]] Millis max_idle_time(const UpstreamConnection& connection) const override;
  void on_idle(UpstreamConnection& connection) override;
  void on_busy(UpstreamConnection& connection) override;
  void on_closed_by_node(Millis idle, Instant since) override;
  void drop(UpstreamConnection& connection) override;
  [[nodiscard]] UpstreamConnection* find_idle(balancer::Repeat repeat);
  /// Whether a stream of an HTTP/2 connection that is in use can be leased.
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] Lease lease_stream(const LeaseRequest& request, UpstreamEvents& exchange,
                                   ConnectionToken turn);
  [[nodiscard]] io::ConnectStart connect();

  // Many: the config of the node and the lists of its connections.
  WorkerContext& context_;
  std::shared_ptr<balancer::Node> node_;
  balancer::NodeMeter& meter_;
  conf::Address address_;
  std::uint64_t max_connections_ = 0;  // in use at a time; 0: no limit
  std::uint64_t max_waiting_ = 0;
  unsigned passive_failures_ = 0;
  Millis passive_hold_{0};
  Millis max_idle_time_{0};  // how long idle connections are kept; 0: not at all
  balancer::IdleLifetime lifetime_;
  conf::NodeProtocol protocol_ = conf::NodeProtocol::h1;
  io::SocketAddress socket_address_;
  std::shared_ptr<const tls::ClientContext> tls_context_;  // that the next is made with
  std::shared_ptr<const tls::ClientTarget> tls_;           // null: plain
  UpstreamTarget target_;
  std::vector<std::unique_ptr<UpstreamConnection>> all_;
  std::vector<UpstreamConnection*> idle_;  // newest last
  Http2UpstreamList http2_;
  struct Waiting {
    UpstreamEvents* exchange;
    QueueToken place;
  };
  std::deque<Waiting> waiting_;  // bounded by the node's max_waiting
};

}  // namespace bonedry::proxy
