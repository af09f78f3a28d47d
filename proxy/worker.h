#pragma once

#include "balancer/topology.h"
#include "proxy/access_log.h"
#include "proxy/connection_limiter.h"
#include "proxy/descriptor_budget.h"
#include "proxy/downstream_connection.h"
#include "proxy/exchange.h"
#include "proxy/exchange_context.h"
#include "proxy/io/event_loop.h"
#include "proxy/io/listener.h"
#include "proxy/io/mailbox.h"
#include "proxy/pool_runtime.h"
#include "proxy/upstream_pool.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace bonedry::proxy {

/// What all workers share. Everything referred to is thread-safe and outlives the workers.
struct SharedParts {
  session::Ledger& ledger;
  const Clock& clock;
  AccessLog& access_log;
  const std::vector<std::string>& secrets;
  ConnectionLimiter& clients;
  DescriptorBudget descriptors;
  conf::UnderscoreNames underscore_names = conf::UnderscoreNames::drop;
};

/// When a worker that drains closes the connections on which nothing is asked.
enum class DrainMode : std::uint8_t {
  close_idle,
  /// They were promised another answer, and get it; only then, or by their idle time-out. So no
  /// client ever asks on a connection that is just being closed.
  close_after_response,
};

/// Says why, as far as that goes without waiting for the client, and ends our side.
void turn_away(int fd, const http::Refusal& refusal);

/// One thread with one loop, and all that it owns: listening sockets, clients' connections,
/// connections to nodes. Shares nothing with other workers but what SharedParts and the topology
/// say. Public functions belong to the worker's thread, unless they say otherwise.
class Worker final : public ExchangeContext {
 public:
  struct ListenSocket {
    UniqueFd fd;
    std::string pool;
    ProxyHeaderMode proxy_header_mode = ProxyHeaderMode::none;
  };

  /// On the main thread. `seed` tells the workers' random choices apart.
  Worker(SharedParts shared, std::vector<ListenSocket> listens,
         std::shared_ptr<const balancer::Topology> topology, std::uint64_t seed);
  /// On the main thread: ends at once what is still there.
  virtual ~Worker();

  /// From any thread: `acknowledged` is called on the worker's thread once it routes by `topology`.
  void publish(std::shared_ptr<const balancer::Topology> topology,
               std::function<void()> acknowledged);
  /// From any thread: there are more or fewer descriptors now.
  void share(const DescriptorBudget& descriptors);
  /// From any thread: accepts no more, lets exchanges finish; then calls `drained` on the worker's
  /// thread.
  void drain(DrainMode mode, std::function<void()> drained);

  [[nodiscard]] WorkerContext& context() { return context_; }
  [[nodiscard]] bool draining() const { return drained_ != nullptr; }
  /// Whether connections on which nothing is asked are closed although another answer was promised.
  [[nodiscard]] bool closes_idle_connections() const {
    return draining() && drain_mode_ == DrainMode::close_idle;
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
  [[nodiscard]] AccessLogQueue& access_log() override { return access_log_; }
  /// To be read by any thread.
  [[nodiscard]] ExchangeCounters& counters() override { return counters_; }
  [[nodiscard]] EndReason closing_reason() const override { return closing_reason_; }

  /// Exchanges are used again: one that is given back rests until no call of it is on the stack.
  [[nodiscard]] std::unique_ptr<Exchange> acquire_exchange();
  void release_exchange(std::unique_ptr<Exchange> exchange);
  void remove(ClientConnection& connection);

  // What is worth a line in the log; each at most once a second, with how many were left out.
  void report_no_node(const std::string& pool) override;
  void report_out_of_resources(int error) override;
  void report_bad_response(const balancer::Node& node, const char* why) override;
  void report_accept_error(std::size_t listener, int error);
  void report_turned_away(const std::string& client, const char* why);
  void report_refusal(const std::string& client, const http::RequestPreview& request,
                      const http::Refusal& refusal);
  void report_proxy_refusal(const std::string& peer, const char* why);

 private:
  void run();
  void adopt(std::shared_ptr<const balancer::Topology> topology);
  [[nodiscard]] UpstreamPool* upstream_for(const balancer::NodeView& view,
                                           const conf::Pool& config);
  [[nodiscard]] std::shared_ptr<PoolState> pool_state_of(const conf::Pool& pool);
  void forget_unused_upstreams(const balancer::Topology& topology);
  void on_accept(std::size_t listener, UniqueFd fd, const io::SocketAddress& peer);
  [[nodiscard]] std::size_t most_clients() const;
  void serve_queue();
  void begin_drain(DrainMode mode, std::function<void()> drained);
  void check_drained();
  void after_round();

  struct RateLimit {
    Instant until;
    std::uint64_t suppressed = 0;
  };
  /// Whether a line of this kind is due; `suppressed` is then how many were not.
  [[nodiscard]] bool should_log(RateLimit& limit, std::uint64_t& suppressed);

  struct PoolStateEntry {
    conf::Balance balance;
    conf::Sticky sticky;
    std::shared_ptr<PoolState> memory;
  };

  SharedParts shared_;
  std::uint64_t seed_;
  io::EventLoop loop_;
  io::Mailbox mailbox_;
  ChunkPool chunks_;
  io::PipePool pipes_;
  UpstreamLimiter nodes_;
  WorkerContext context_;
  std::vector<std::string> listener_pools_;
  std::vector<ProxyHeaderMode> proxy_header_modes_;
  std::unordered_map<const balancer::Node*, std::unique_ptr<UpstreamPool>> upstreams_;
  std::map<std::string, PoolStateEntry> pool_states_;
  Router router_;
  ExchangeCounters counters_;
  AccessLogQueue access_log_;
  std::vector<std::unique_ptr<Exchange>> released_exchanges_;
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::function<void()> drained_;
  DrainMode drain_mode_ = DrainMode::close_idle;
  EndReason closing_reason_ = EndReason::client_gone;
  RateLimit no_node_;
  RateLimit bad_response_;
  RateLimit refusal_;
  RateLimit proxy_refusal_;
  RateLimit shortage_;
  RateLimit turned_away_;
  std::thread thread_;
};

}  // namespace bonedry::proxy
