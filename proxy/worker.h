#pragma once

#include "balancer/fence.h"
#include "balancer/topology.h"
#include "proxy/access_log.h"
#include "proxy/client_connection.h"
#include "proxy/connection_limiter.h"
#include "proxy/descriptor_budget.h"
#include "proxy/exchange.h"
#include "proxy/exchange_context.h"
#include "proxy/http2_counters.h"
#include "proxy/incoming_connection.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/listener.h"
#include "proxy/io/mailbox.h"
#include "proxy/pool_runtime.h"
#include "proxy/request_id.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/upstream_pool.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

// Their headers include those of OpenSSL, which nobody else needs.
namespace bonedry::tls {
class LoopTls;
class ServerContext;
}  // namespace bonedry::tls

namespace bonedry::proxy {

class DownstreamConnection;

/// What a client gets that is not admitted, see `Worker::admit`.
inline constexpr http::Refusal kTooManyOfClient{429, "too many connections from this address",
                                                "[limits] connections_per_client"};

/// What all workers share. Everything referred to is thread-safe and outlives the workers.
struct SharedParts {
  session::Ledger& ledger;
  const Clock& clock;
  AccessLog& access_log;
  const std::vector<std::string>& secrets;
  ConnectionLimiter& client_limiter;
  DescriptorBudget descriptors;
  conf::UnderscoreNames underscore_names = conf::UnderscoreNames::drop;
  conf::RequestId request_id = conf::RequestId::forward;
  session::LastRequests* last_requests = nullptr;  ///< null: not wanted
  std::shared_ptr<const tls::TicketKeys> ticket_keys =
      nullptr;  ///< may be null if no listener has TLS
  /// Makes a worker's access to the other members of the cluster; `worker` takes their answers to
  /// its thread. Called on the main thread. Null: no cluster.
  std::function<std::unique_ptr<session::RemoteSessions>(io::Mailbox& worker)> remote_sessions =
      nullptr;
  const balancer::Fence* fence = nullptr;  ///< null: no cluster
};

/// When a draining worker closes idle connections of clients.
enum class DrainMode : std::uint8_t {
  close_idle,
  /// After one more response, which the client was promised (keep-alive), or at the idle time-out.
  /// So no client sends a request on a connection that is just being closed. Clients of HTTP/2 are
  /// told at once (GOAWAY), which refuses none.
  close_after_response,
};

/// Sends the reason if the socket takes it without blocking, and half-closes our side.
void turn_away(int fd, const http::Refusal& refusal);

/// One thread with one event loop and all that it owns: listening sockets, clients' connections,
/// connections to nodes. Shares only SharedParts and the topology with other workers. Public
/// functions must be called on the worker's thread unless stated otherwise.
class Worker final : public ExchangeContext {
 public:
  struct ListenSocket {
    UniqueFd fd;
    std::size_t listener = 0;  ///< index in the config
    std::string pool;          ///< empty if it redirects
    ProxyHeaderMode proxy_header_mode = ProxyHeaderMode::none;
  };

  /// One among the workers.
  struct Id {
    std::size_t index = 0;   ///< from 0
    std::uint64_t seed = 0;  ///< makes the workers' random choices differ
  };

  /// On the main thread.
  Worker(SharedParts shared, std::vector<ListenSocket> listens,
         const std::shared_ptr<const balancer::Topology>& topology, Id id);
  /// On the main thread: as `end`.
  virtual ~Worker();

  /// On the main thread: ends the worker's thread and closes immediately what is still open.
  /// Afterwards only the counts may be read. Once more does nothing.
  void end();

  /// From any thread: `acknowledged` is called on the worker's thread once it routes by `topology`.
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged);
  /// From any thread: the number of available file descriptors has changed.
  void share(const DescriptorBudget& descriptors);
  /// From any thread.
  void set_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys);
  /// From any thread: answers health checks as stopping from now on.
  void announce_stop();
  /// From any thread: stops accepting, lets exchanges finish, then calls `drained` on the worker's
  /// thread.
  void drain(DrainMode mode, std::function<void()> drained);

  [[nodiscard]] WorkerContext& context() { return context_; }
  [[nodiscard]] bool draining() const { return drain_.drained != nullptr; }
  /// Whether idle connections are closed although another response was promised (keep-alive).
  [[nodiscard]] bool closes_idle_connections() const {
    return draining() && drain_.mode == DrainMode::close_idle;
  }

  [[nodiscard]] io::TimerWheel& timers() override { return loop_.timers(); }
  [[nodiscard]] Instant now() const override { return loop_.now(); }
  [[nodiscard]] Instant exact_now() const override { return shared_.clock.now(); }
  [[nodiscard]] WallTime wall() const override { return shared_.clock.wall(); }
  [[nodiscard]] const Router& router() const override { return router_; }
  [[nodiscard]] const conf::Limits& limits() const override { return context_.limits; }
  [[nodiscard]] const conf::Timeouts& timeouts() const override { return context_.timeouts; }
  [[nodiscard]] std::span<const conf::Network> trusted_proxies() const override {
    return context_.trusted_proxies;
  }
  [[nodiscard]] session::Ledger& ledger() override { return shared_.ledger; }
  [[nodiscard]] Inquiries* inquiries() override { return inquiries_ ? &*inquiries_ : nullptr; }
  [[nodiscard]] bool is_fenced() const override {
    return shared_.fence != nullptr && shared_.fence->has_passed(shared_.clock.now());
  }
  [[nodiscard]] AccessLogQueue& access_log() override { return access_log_; }
  /// Any thread may read them.
  [[nodiscard]] ExchangeCounters& counters() override { return counters_; }
  [[nodiscard]] RequestIds& request_ids() override { return request_ids_; }
  [[nodiscard]] session::LastRequests* last_requests() override { return last_requests_; }
  /// From any thread: see io::LoopLag.
  [[nodiscard]] Millis loop_lag(Instant now) const { return loop_.lag().longest(now); }
  /// Of clients' connections; any thread may read them.
  [[nodiscard]] Http2Counters& http2() { return http2_; }
  /// Of connections to nodes, without health checks; any thread may read them.
  [[nodiscard]] const Http2Counters& http2_nodes() const { return context_.http2_nodes; }
  /// Any thread may read their counts.
  [[nodiscard]] Handshakes& handshakes() { return handshakes_; }
  [[nodiscard]] ProcessState process_state() const override { return process_state_; }
  [[nodiscard]] EndReason closing_reason() const override { return closing_reason_; }

  /// Exchanges are reused: a released one only when none of its calls is on the stack.
  [[nodiscard]] std::unique_ptr<Exchange> acquire_exchange();
  void release_exchange(std::unique_ptr<Exchange> exchange);
  void remove(ClientConnection& connection);
  /// Whether the client may have one more connection; counts it. A trusted proxy carries many
  /// clients, so the limit does not apply to it.
  [[nodiscard]] bool admit(const ClientIdentity& client, ConnectionLimiter::Slot& slot);
  /// Replaces the connection, which has read what comes before HTTP, by one that speaks HTTP.
  void serve_http(IncomingConnection& incoming, AcceptedClient accepted);
  /// As `serve_http`, but the client only gets an error response.
  void reject(IncomingConnection& incoming, AcceptedClient accepted, const http::Refusal& refusal);
  /// Value of Strict-Transport-Security for responses of that listener; or empty.
  [[nodiscard]] std::string_view hsts(std::size_t listener) const {
    return listener_configs_[listener].hsts;
  }
  /// As the config has it; valid as long as the worker.
  [[nodiscard]] std::string_view listener_address(std::size_t listener) const {
    return listener_configs_[listener].address;
  }

  // Log messages, at most one of each kind per second; but each failure to accept is reported.
  void report_no_node(const std::string& pool) override;
  void report_out_of_resources(int error) override;
  void report_node_failure(const balancer::NodeView& node, const ExchangeError& error) override;
  void report_accept_error(std::size_t listener, int error);
  void report_turned_away(const std::string& client, const char* why);
  /// A request that did not become an exchange.
  struct RefusedRequest {
    std::string_view client;
    http::RequestPreview preview;
    std::size_t listener = 0;
    std::string_view id;  ///< empty: none
  };
  void report_refusal(const RefusedRequest& request, const http::Refusal& refusal);
  void report_proxy_refusal(const std::string& peer, const char* why);
  void report_failed_handshake(const std::string& client, const std::string& why);

 private:
  struct ListenerConfig;

  void run();
  void adopt(const std::shared_ptr<const balancer::Topology>& topology);
  [[nodiscard]] std::shared_ptr<PoolRuntime> make_runtime(
      const std::shared_ptr<const balancer::Topology>& topology, std::string_view pool);
  void adopt_tls(ListenerConfig& listener, const conf::ListenerTls& config,
                 const std::string& address);
  [[nodiscard]] UpstreamPool* upstream_for(const balancer::NodeView& view,
                                           const conf::Pool& config);
  [[nodiscard]] std::shared_ptr<PoolState> pool_state_of(const conf::Pool& pool);
  void forget_unused_upstreams(const balancer::Topology& topology);
  void on_accept(std::size_t listener, UniqueFd fd, const io::SocketAddress& peer);
  void add(std::unique_ptr<ClientConnection> connection);
  template <class Connection>
  Connection& replace(IncomingConnection& incoming, AcceptedClient accepted);
  [[nodiscard]] std::size_t max_clients() const;
  void serve_queue();
  void begin_drain(DrainMode mode, std::function<void()> drained);
  void check_drained();
  void after_iteration();

  struct RateLimit {
    Instant until;
    std::uint64_t suppressed = 0;
  };
  /// Whether a message of this kind may be logged now; `suppressed` is then the number left out.
  [[nodiscard]] bool should_log(RateLimit& limit, std::uint64_t& suppressed);

  /// One for each kind of message.
  struct RateLimits {
    RateLimit no_node;
    RateLimit refusal;
    RateLimit proxy_refusal;
    RateLimit failed_handshake;
    RateLimit out_of_resources;
    RateLimit turned_away;
  };

  /// Exchanges that are not in use, kept for their memory.
  struct ExchangePool {
    std::vector<std::unique_ptr<Exchange>>
        released;  // in this iteration: a call may be on the stack
    std::vector<std::unique_ptr<Exchange>> free;
  };

  struct Drain {
    std::function<void()> drained;  // null: it does not drain
    DrainMode mode = DrainMode::close_idle;
  };

  struct ListenerConfig {
    std::size_t index = 0;  // in the config
    std::string address;
    std::string pool;
    ProxyHeaderMode proxy_header = ProxyHeaderMode::none;
    PlainHttp plain = PlainHttp::http1;
    std::optional<conf::ListenerTls> tls_config;  // that `tls` was made of
    std::shared_ptr<tls::ServerContext> tls;      // null: plain
    std::string hsts;
  };

  struct PoolStateEntry {
    conf::Balance balance;
    conf::Sticky sticky;
    std::shared_ptr<PoolState> state;
  };

  // Many: the worker is where a thread's parts are put together.
  SharedParts shared_;
  const Id id_;
  Http2Shared http2_shared_;  // before the loop, which frees connections at last
  io::EventLoop loop_;
  io::Mailbox mailbox_;
  BlockPool blocks_;
  io::PipePool pipes_;
  UpstreamLimiter upstream_limiter_;
  WorkerContext context_;
  std::unique_ptr<tls::LoopTls> tls_;
  std::vector<ListenerConfig> listener_configs_;
  std::unique_ptr<session::RemoteSessions> remote_sessions_;  // null: no cluster
  std::optional<Inquiries> inquiries_;
  std::unordered_map<const balancer::Node*, std::unique_ptr<UpstreamPool>> upstreams_;
  std::map<std::string, PoolStateEntry> pool_states_;
  Router router_;
  ExchangeCounters counters_;
  Handshakes handshakes_;
  Http2Counters http2_;
  AccessLogQueue access_log_;
  RequestIds request_ids_;
  session::LastRequests* const last_requests_;  // null: not wanted
  ExchangePool exchanges_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  Drain drain_;
  ProcessState process_state_ = ProcessState::running;
  EndReason closing_reason_ = EndReason::client_gone;
  RateLimits log_limits_;
  std::thread thread_;
};

}  // namespace bonedry::proxy
