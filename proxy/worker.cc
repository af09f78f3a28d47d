#include "proxy/worker.h"

#include "proxy/base/file.h"
#include "proxy/base/signals.h"
#include "proxy/downstream_connection.h"
#include "proxy/http2_connection.h"
#include "proxy/node_failure.h"
#include "proxy/tls/loop_tls.h"
#include "proxy/tls/server_context.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

namespace bonedry::proxy {
namespace {

constexpr std::size_t kSpareExchanges = 1024;  // about 1 MB: a busy worker's open exchanges
constexpr Millis kLogInterval{1000};

http::UnderscoreNames to_http(conf::UnderscoreNames names) {
  switch (names) {
    case conf::UnderscoreNames::drop:
      return http::UnderscoreNames::drop;
    case conf::UnderscoreNames::pass:
      return http::UnderscoreNames::pass;
    case conf::UnderscoreNames::refuse:
      return http::UnderscoreNames::refuse;
  }
  return http::UnderscoreNames::refuse;
}

PlainHttp plain_http(const std::vector<std::string>& protocols) {
  if (std::ranges::find(protocols, "h2c") == protocols.end()) return PlainHttp::http1;
  return protocols.size() == 1 ? PlainHttp::http2 : PlainHttp::either;
}

http::HeadLimits head_limits(const conf::Limits& limits, conf::UnderscoreNames names) {
  return {limits.header_bytes, limits.headers, to_http(names)};
}

}  // namespace

void turn_away(int fd, const http::Refusal& refusal) {
  // Reads the request: closing with unread data would reset the connection and lose the response.
  std::array<char, 16 * 1024> request;
  (void)::recv(fd, request.data(), request.size(), MSG_DONTWAIT);
  http::Http1LocalResponse reply;
  reply.status = refusal.status;
  reply.text = refusal.why;
  reply.fields = "Retry-After: 5\r\n";
  const std::string text = http::render(reply);
  (void)::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
}

Worker::Worker(SharedParts shared, std::vector<ListenSocket> listens,
               const std::shared_ptr<const balancer::Topology>& topology, Id id)
    : shared_(shared),
      id_(id),
      mailbox_(loop_),
      pipes_(shared.descriptors.pipes),
      upstream_limiter_(shared.descriptors.idle),
      context_{{loop_, blocks_, pipes_, http2_shared_,
                head_limits(topology->limits, shared.underscore_names)},
               upstream_limiter_,
               topology->limits,
               topology->timeouts,
               topology->trusted_proxies},
      tls_(std::make_unique<tls::LoopTls>()),
      access_log_(shared.access_log.add_queue()),
      request_ids_(shared.request_id),
      last_requests_(shared.last_requests) {
  if (shared_.remote_sessions) remote_sessions_ = shared_.remote_sessions(mailbox_);
  if (remote_sessions_) inquiries_.emplace(*remote_sessions_);
  loop_.on_iteration_end([this] { after_iteration(); });
  for (ListenSocket& listen : listens) {
    const std::size_t index = listener_configs_.size();
    ListenerConfig& config = listener_configs_.emplace_back();
    config.index = listen.listener;
    config.address = conf::to_string(topology->listeners[listen.listener].address);
    config.pool = listen.pool;
    config.proxy_header = listen.proxy_header_mode;
    listeners_.push_back(std::make_unique<io::Listener>(
        loop_, std::move(listen.fd),
        [this, index](UniqueFd fd, const io::SocketAddress& peer) {
          on_accept(index, std::move(fd), peer);
        },
        [this, index](int error) { report_accept_error(index, error); }));
  }
  adopt(topology);
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  end();
}

void Worker::end() {
  if (!thread_.joinable()) return;
  mailbox_.post([this] { loop_.stop(); });
  thread_.join();
  // The worker's thread has ended, so the loop may be used from this thread.
  closing_reason_ = EndReason::shut_down;
  listeners_.clear();
  while (!connections_.empty()) connections_.back()->close();
  router_ = Router();
  upstreams_.clear();
  loop_.collect();
}

void Worker::run() {
  block_signals();
  try {
    loop_.run();
  } catch (const std::exception& error) {
    // As on the main thread: the process ends as if killed, but logs why.
    spdlog::critical("exiting: a worker failed: {}", error.what());
    spdlog::default_logger()->flush();
    std::_Exit(EXIT_FAILURE);
  }
}

void Worker::publish(std::shared_ptr<const balancer::Topology> topology,
                     std::function<void()> acknowledged) {
  mailbox_.post([this, next = std::move(topology), done = std::move(acknowledged)] {
    adopt(next);
    done();
  });
}

void Worker::share(const DescriptorBudget& descriptors) {
  mailbox_.post([this, descriptors] {
    shared_.descriptors = descriptors;
    pipes_.set_max(descriptors.pipes);
    upstream_limiter_.set_idle(descriptors.idle);
  });
}

void Worker::set_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys) {
  mailbox_.post([this, next = std::move(keys)] {
    shared_.ticket_keys = next;
    for (const ListenerConfig& listener : listener_configs_) {
      if (listener.tls) listener.tls->set_ticket_keys(next);
    }
  });
}

void Worker::adopt(const std::shared_ptr<const balancer::Topology>& topology) {
  context_.heads = head_limits(topology->limits, shared_.underscore_names);
  context_.limits = topology->limits;
  context_.timeouts = topology->timeouts;
  context_.trusted_proxies = topology->trusted_proxies;
  std::map<std::string_view, std::shared_ptr<PoolRuntime>> made;
  std::vector<Router::Route> next;
  for (ListenerConfig& listener : listener_configs_) {
    const conf::Listener& config = topology->listeners[listener.index];
    if (config.tls) adopt_tls(listener, *config.tls, listener.address);
    listener.plain = plain_http(config.alpn);
    auto& runtime = made[listener.pool];
    if (!runtime && !listener.pool.empty()) runtime = make_runtime(topology, listener.pool);
    next.push_back({runtime, LocalAnswers(config, listener.tls ? listener.tls->names() : nullptr,
                                          runtime ? &runtime->view() : nullptr)});
  }
  router_ = Router(std::move(next));
  // Without this, tunnels and exchanges without a client would outlast a deadline. Closing removes
  // a connection from the list, so the list is walked backwards.
  for (std::size_t index = connections_.size(); index > 0; --index) {
    if (index <= connections_.size()) connections_[index - 1]->follow_topology();
  }
  forget_unused_upstreams(*topology);
}

std::shared_ptr<PoolRuntime> Worker::make_runtime(
    const std::shared_ptr<const balancer::Topology>& topology, std::string_view pool) {
  const balancer::PoolView& view = *topology->find_pool(pool);
  std::vector<NodeStreams*> streams;
  for (const balancer::NodeView& node : view.nodes) {
    streams.push_back(upstream_for(node, view.config));
  }
  return std::make_shared<PoolRuntime>(topology, view, shared_.secrets, shared_.ledger,
                                       shared_.clock, pool_state_of(view.config),
                                       std::move(streams));
}

/// The settings were checked when the config was read. If OpenSSL refuses them all the same, the
/// listener goes on with what it has; but it must not begin without encryption.
void Worker::adopt_tls(ListenerConfig& listener, const conf::ListenerTls& config,
                       const std::string& address) {
  if (listener.tls && listener.tls_config == config) return;
  auto made = tls::ServerContext::make(tls_->library(), config, {address, shared_.ticket_keys});
  if (!made && !listener.tls) throw std::runtime_error("listener " + address + ": " + made.error());
  if (!made) return spdlog::error("listener {}: {}", address, made.error());
  listener.tls = std::move(*made);
  listener.tls_config = config;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(config.hsts).count();
  listener.hsts = seconds > 0 ? "max-age=" + std::to_string(seconds) : "";
}

UpstreamPool* Worker::upstream_for(const balancer::NodeView& view, const conf::Pool& config) {
  auto& pool = upstreams_[view.node.get()];
  if (!pool)
    pool =
        std::make_unique<UpstreamPool>(context_, view.node, view.node->meters.of_worker(id_.index));
  pool->configure(view, config, tls_->client_context(config));
  return pool.get();
}

std::shared_ptr<PoolState> Worker::pool_state_of(const conf::Pool& pool) {
  PoolStateEntry& entry = pool_states_[pool.name];
  if (!entry.state || entry.balance != pool.balance || entry.sticky != pool.session.sticky) {
    balancer::Picker picker(pool.balance, pool.session.sticky, id_.seed);
    entry = {pool.balance, pool.session.sticky,
             std::make_shared<PoolState>(PoolState{std::move(picker), {}})};
  }
  entry.state->retries.set_percent(pool.retry_percent);
  return entry.state;
}

/// Closes idle connections to nodes that are no longer in the topology. An UpstreamPool is
/// destroyed at the first topology change that finds it without connections.
void Worker::forget_unused_upstreams(const balancer::Topology& topology) {
  std::erase_if(upstreams_, [&topology](const auto& entry) {
    const auto of_node = [node = entry.first](const balancer::NodeView& view) {
      return view.node.get() == node;
    };
    const bool used = std::ranges::any_of(topology.pools, [&](const balancer::PoolView& pool) {
      return std::ranges::any_of(pool.nodes, of_node);
    });
    if (used) return false;
    entry.second->close_idle();
    return entry.second->empty();
  });
}

void Worker::on_accept(std::size_t listener, UniqueFd fd, const io::SocketAddress& peer) {
  const ListenerConfig& config = listener_configs_[listener];
  // A client that speaks TLS understands no response before the handshake.
  const auto turn_away_plain = [&](const http::Refusal& refusal) {
    if (!config.tls) turn_away(fd.get(), refusal);
  };
  ConnectionLimiter::Slot slot;
  if (!slot.take(shared_.client_limiter, max_clients())) {
    turn_away_plain({503, "too many connections"});
    const bool chosen = max_clients() < shared_.descriptors.clients;
    return report_turned_away(
        io::host_text(peer),
        chosen ? "too many connections; see [limits] connections"
               : "too many connections for the descriptor limit; see LimitNOFILE, ulimit -n");
  }
  ClientIdentity identity(io::endpoint_of(peer), io::host_text(peer), context_.trusted_proxies);
  const ProxyHeaderMode header = config.proxy_header;
  if (header == ProxyHeaderMode::required && identity.trust() == http::Trust::none) {
    return report_proxy_refusal(identity.text(), "its address is not in trusted_proxies");
  }
  if (header == ProxyHeaderMode::none && !admit(identity, slot)) {
    return turn_away_plain(kTooManyOfClient);
  }
  AcceptedClient accepted{std::move(fd),
                          std::move(identity),
                          listener,
                          std::move(slot),
                          {},
                          loop_.now() + context_.timeouts.header};
  BeforeHttp before{header, config.tls, config.tls ? PlainHttp::http1 : config.plain};
  if (before.is_nothing()) {
    add(std::make_unique<DownstreamConnection>(*this, std::move(accepted)));
  } else {
    add(std::make_unique<IncomingConnection>(*this, std::move(accepted), std::move(before)));
  }
}

void Worker::add(std::unique_ptr<ClientConnection> connection) {
  connections_.push_back(std::move(connection));
  connections_.back()->worker_index_ = connections_.size() - 1;
  upstream_limiter_.set_clients(connections_.size());
  connections_.back()->begin();
}

bool Worker::admit(const ClientIdentity& client, ConnectionLimiter::Slot& slot) {
  if (client.trust() == http::Trust::forwarded) return true;
  if (slot.take_for_address(client.address(), context_.limits.connections_per_client)) return true;
  report_turned_away(client.text(),
                     "too many connections from this address; see [limits] connections_per_client");
  return false;
}

void Worker::serve_http(IncomingConnection& incoming, AcceptedClient accepted) {
  if (accepted.version == HttpVersion::http2) {
    return replace<Http2Connection>(incoming, std::move(accepted)).begin();
  }
  replace<DownstreamConnection>(incoming, std::move(accepted)).begin();
}

void Worker::reject(IncomingConnection& incoming, AcceptedClient accepted,
                    const http::Refusal& refusal) {
  if (accepted.version == HttpVersion::http2) {
    return replace<Http2Connection>(incoming, std::move(accepted)).reject();
  }
  replace<DownstreamConnection>(incoming, std::move(accepted)).reject(refusal);
}

template <class Connection>
Connection& Worker::replace(IncomingConnection& incoming, AcceptedClient accepted) {
  const std::size_t index = incoming.worker_index_;
  auto next = std::make_unique<Connection>(*this, std::move(accepted));
  Connection& connection = *next;
  connection.worker_index_ = index;
  loop_.retire(std::exchange(connections_[index], std::move(next)));
  return connection;
}

std::size_t Worker::max_clients() const {
  const std::size_t configured = context_.limits.connections;
  const std::size_t possible = shared_.descriptors.clients;
  return configured == 0 ? possible : std::min(configured, possible);
}

void Worker::remove(ClientConnection& connection) {
  const std::size_t index = connection.worker_index_;
  std::swap(connections_[index], connections_.back());
  connections_[index]->worker_index_ = index;
  loop_.retire(std::move(connections_.back()));
  connections_.pop_back();
  upstream_limiter_.set_clients(connections_.size());
  check_drained();
}

std::unique_ptr<Exchange> Worker::acquire_exchange() {
  if (exchanges_.free.empty()) return std::make_unique<Exchange>(*this);
  std::unique_ptr<Exchange> exchange = std::move(exchanges_.free.back());
  exchanges_.free.pop_back();
  return exchange;
}

void Worker::release_exchange(std::unique_ptr<Exchange> exchange) {
  exchanges_.released.push_back(std::move(exchange));
}

void Worker::serve_queue() {
  for (const auto& entry : upstreams_) entry.second->serve_queue();
}

void Worker::after_iteration() {
  handshakes_.begin_iteration();
  if (context_.waiting > 0) serve_queue();
  upstream_limiter_.trim();
  for (auto& exchange : exchanges_.released) {
    if (exchanges_.free.size() >= kSpareExchanges) break;
    exchange->reset();
    exchanges_.free.push_back(std::move(exchange));
  }
  exchanges_.released.clear();
}

void Worker::announce_stop() {
  mailbox_.post([this] { process_state_ = ProcessState::stopping; });
}

void Worker::drain(DrainMode mode, std::function<void()> drained) {
  mailbox_.post([this, mode, done = std::move(drained)] { begin_drain(mode, done); });
}

void Worker::begin_drain(DrainMode mode, std::function<void()> drained) {
  drain_.drained = std::move(drained);
  drain_.mode = mode;
  for (const auto& listener : listeners_) listener->accept_backlog();
  listeners_.clear();
  // Closing removes a connection from the list, so the list is walked backwards.
  for (std::size_t index = connections_.size(); index > 0; --index) {
    if (index <= connections_.size()) connections_[index - 1]->drain();
  }
  check_drained();
}

void Worker::check_drained() {
  // While there are listeners, clients in their backlog still have to be accepted.
  if (!drain_.drained || !listeners_.empty() || !connections_.empty()) return;
  const auto done = std::exchange(drain_.drained, [] {});
  done();
}

bool Worker::should_log(RateLimit& limit, std::uint64_t& suppressed) {
  if (now() < limit.until) {
    ++limit.suppressed;
    return false;
  }
  limit.until = now() + kLogInterval;
  suppressed = std::exchange(limit.suppressed, 0);
  return true;
}

void Worker::report_no_node(const std::string& pool) {
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.no_node, suppressed)) return;
  spdlog::warn("pool {}: no node is available for new users, answering 503 ({} more not logged)",
               pool, suppressed);
}

void Worker::report_out_of_resources(int error) {
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.out_of_resources, suppressed)) return;
  spdlog::error("a client was rejected: {} ({} more not logged)", io::shortage_text(error),
                suppressed);
}

void Worker::report_accept_error(std::size_t listener, int error) {
  const std::string& pool = listener_configs_[listener].pool;
  const std::string which = pool.empty() ? "that redirects" : "of pool " + pool;
  if (error == 0) return spdlog::warn("a listener {} accepts connections again", which);
  spdlog::error("a listener {} cannot accept connections, retrying: {}", which,
                io::shortage_text(error));
}

void Worker::report_turned_away(const std::string& client, const char* why) {
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.turned_away, suppressed)) return;
  spdlog::warn("client {}: rejected: {} ({} more not logged)", client, why, suppressed);
}

void Worker::report_node_failure(const balancer::NodeView& node, const ExchangeError& error) {
  const std::optional<NodeFailureText> failure = node_failure_of(error);
  if (failure) log_node_failure(*node.node, node.address, *failure, now());
}

void Worker::report_refusal(const RefusedRequest& request, const http::Refusal& refusal) {
  const std::string reason = http::reason_of(refusal);
  counters_.note({EndReason::bad_request, 0, 0});
  if (access_log().enabled()) {
    AccessEntry entry;
    entry.at = wall();
    entry.client = request.client;
    entry.method = request.preview.method;
    entry.target = request.preview.target;
    entry.listener = listener_address(request.listener);
    entry.request_id = request.id;
    entry.status = refusal.status;
    entry.reason = reason;
    entry.end = EndReason::bad_request;
    access_log().write(entry);
  }
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.refusal, suppressed)) return;
  spdlog::info("client {}: refused with {}: {} ({} more not logged)", request.client,
               refusal.status, reason, suppressed);
}

void Worker::report_failed_handshake(const std::string& client, const std::string& why) {
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.failed_handshake, suppressed)) return;
  spdlog::info("client {}: {} ({} more not logged)", client, why, suppressed);
}

void Worker::report_proxy_refusal(const std::string& peer, const char* why) {
  std::uint64_t suppressed = 0;
  if (!should_log(log_limits_.proxy_refusal, suppressed)) return;
  spdlog::warn("proxy {}: connection closed: {} ({} more not logged)", peer, why, suppressed);
}

}  // namespace bonedry::proxy
