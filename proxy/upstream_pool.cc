#include "proxy/upstream_pool.h"

#include "proxy/base/file.h"
#include "proxy/node_failure.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace bonedry::proxy {
namespace {

// An HTTP/2 connection that gets no acknowledgement for so long, or for [timeouts] stall, is lost
// with all its requests: its node's machine has gone, and new requests would be leased there for as
// long as the kernel tries.
constexpr Millis kUnacknowledged{10'000};

}  // namespace

UpstreamPool::UpstreamPool(WorkerContext& context, std::shared_ptr<balancer::Node> node,
                           balancer::NodeMeter& meter)
    : context_(context),
      node_(std::move(node)),
      meter_(meter),
      http2_(context.loop, context.upstream_limiter) {
  context_.upstream_limiter.add(*this);
}

UpstreamPool::~UpstreamPool() {
  while (!all_.empty()) drop(*all_.back());
  context_.upstream_limiter.remove(*this);
}

void UpstreamPool::configure(const balancer::NodeView& node, const conf::Pool& config,
                             const std::shared_ptr<const tls::ClientContext>& tls) {
  target_.connect_timeout = context_.timeouts.connect;
  max_connections_ = node.max_connections;
  max_waiting_ = node.max_waiting;
  passive_failures_ = config.health.passive_failures;
  passive_hold_ = config.health.passive_hold;
  // A node that is dry, or about to be, is to be stopped: nothing of ours holds it up.
  const Millis keep = balancer::is_closed(node.door) ? Millis{0} : config.reuse;
  if (keep < max_idle_time_) close_idle();
  max_idle_time_ = keep;
  lifetime_.set_max(config.reuse);
  const bool same = node.address == address_ && config.protocol == protocol_ &&
                    config.proxy_protocol == target_.proxy_protocol && tls == tls_context_ &&
                    config.streams_per_connection == target_.streams;
  if (!same) set_target(node, config, tls);
  http2_.configure(max_idle_time_, target_.generation);
}

/// For the connections that are made from now on.
void UpstreamPool::set_target(const balancer::NodeView& node, const conf::Pool& config,
                              const std::shared_ptr<const tls::ClientContext>& tls) {
  address_ = node.address;
  tls_context_ = tls;
  tls_ = tls_target(tls, config, address_);
  protocol_ = config.protocol;
  target_.streams = config.streams_per_connection;
  target_.proxy_protocol = config.proxy_protocol;
  // The config loader has checked that the address is numeric.
  const auto socket_address = io::make_address(address_.host, address_.port);
  assert(socket_address);
  socket_address_ = *socket_address;
  ++target_.generation;
  close_idle();
}

void UpstreamPool::close_idle() {
  while (!idle_.empty()) drop(*idle_.back());
  http2_.close_idle();
}

void UpstreamPool::close_oldest_idle() {
  idle_.empty() ? http2_.close_oldest_idle() : drop(*idle_.front());
}

/// Returns the newest idle connection, unless it is too old. A connection that is too old stays
/// open: it may serve other requests, and shows when the node closes it.
UpstreamConnection* UpstreamPool::find_idle(balancer::Repeat repeat) {
  while (!idle_.empty()) {
    UpstreamConnection& connection = *idle_.back();
    if (connection.is_stale(repeat)) {
      connection.drop_stale();
      continue;
    }
    if (connection.idle_duration() < lifetime_.usable(repeat, context_.loop.now()))
      return &connection;
    if (idle_.size() >= kEvictTooOldAt) drop(*idle_.front());
    return nullptr;
  }
  return nullptr;
}

NodeStreams::Lease UpstreamPool::lease(const LeaseRequest& request, UpstreamEvents& exchange) {
  if (max_connections_ == 0) return lease(request, exchange, ConnectionToken());
  const bool needs_turn = request.reuse == ConnectionReuse::new_only || !has_room();
  if (waiting_.empty() && needs_turn && node_->acquire_connection(max_connections_)) {
    return lease(request, exchange, ConnectionToken(*node_));
  }
  if (waiting_.empty() && has_room()) return lease_stream(request, exchange, ConnectionToken());
  if (!node_->begin_waiting(max_waiting_)) return Queued::full;
  waiting_.push_back({&exchange, QueueToken(*node_)});
  ++context_.waiting;
  return Queued::waiting;
}

NodeStreams::Lease UpstreamPool::lease(const LeaseRequest& request, UpstreamEvents& exchange,
                                       ConnectionToken turn) {
  if (protocol_ == conf::NodeProtocol::h2) return lease_stream(request, exchange, std::move(turn));
  UpstreamConnection* const idle =
      request.reuse == ConnectionReuse::allowed ? find_idle(request.repeat) : nullptr;
  if (idle != nullptr) {
    meter_.reuses.add();
    idle->lend(exchange, std::move(turn));
    return idle;
  }
  meter_.connects.add();
  io::ConnectStart start = connect();
  if (start.error != 0) return on_connect_failed(start.error, errno_text(start.error));
  all_.push_back(std::make_unique<UpstreamConnection>(
      static_cast<UpstreamOwner&>(*this), context_, target_,
      node_transport(context_, tls_.get(), std::move(start.fd))));
  UpstreamConnection& connection = *all_.back();
  connection.pool_index_.all = all_.size() - 1;
  context_.upstream_limiter.on_opened();
  connection.lend(exchange, std::move(turn));
  return &connection;
}

bool UpstreamPool::has_room() const {
  return protocol_ == conf::NodeProtocol::h2 && http2_.find_room() != nullptr;
}

/// `turn` is given back where a connection that is in use has room all the same. Where a new one is
/// wanted but no more may be opened, one in use will do: only idle ones may be dead without being
/// known to be.
NodeStreams::Lease UpstreamPool::lease_stream(const LeaseRequest& request, UpstreamEvents& exchange,
                                              ConnectionToken turn) {
  const bool opens_new =
      request.reuse == ConnectionReuse::new_only && (turn || max_connections_ == 0);
  Http2UpstreamConnection* known = opens_new ? nullptr : http2_.find_room();
  if (known == nullptr && request.reuse == ConnectionReuse::allowed) {
    const Millis usable = lifetime_.usable(request.repeat, context_.loop.now());
    known = http2_.find_idle(request.repeat, usable);
  }
  if (known != nullptr) {
    meter_.reuses.add();
    return &known->lease(exchange, std::move(turn));
  }
  meter_.connects.add();
  io::ConnectStart start = connect();
  if (start.error != 0) return on_connect_failed(start.error, errno_text(start.error));
  io::limit_unacknowledged(start.fd.get(), std::max(kUnacknowledged, context_.timeouts.stall));
  UpstreamTarget target = target_;
  target.expected_streams = http2_.limit_of_node();
  auto made = std::make_unique<Http2UpstreamConnection>(
      static_cast<NodeObserver&>(*this), http2_.owner(), context_, target,
      node_transport(context_, tls_.get(), std::move(start.fd)));
  return &http2_.add(std::move(made)).lease(exchange, std::move(turn));
}

ExchangeError UpstreamPool::on_connect_failed(int error, const std::string& why) {
  if (io::is_local_shortage(error)) return out_of_resources(error);
  meter_.connect_failures.add();
  const bool late = error == ETIMEDOUT;
  const Instant now = context_.loop.now();
  if (error == EPROTO) {
    on_tls_failed(why);
  } else {
    const auto kind =
        late ? balancer::NodeFailure::connect_timeout : balancer::NodeFailure::connect;
    log_node_failure(*node_, address_, {kind, "cannot connect", why}, now);
  }
  if (node_->note_connect_failure(passive_failures_, passive_hold_, now)) {
    spdlog::warn("node {}: marked down after consecutive connect failures: {}", node_->key(), why);
  }
  return {late ? EndReason::connect_timeout : EndReason::connect_failed, Retry::other_node, error};
}

void UpstreamPool::on_tls_failed(const std::string& why) {
  log_node_failure(*node_, address_, {balancer::NodeFailure::tls, "", why}, context_.loop.now());
}

/// Opens a connection; closes idle ones if there are too many.
io::ConnectStart UpstreamPool::connect() {
  context_.upstream_limiter.make_room_for_one();
  io::ConnectStart start = io::start_connect(socket_address_);
  const bool none_left = start.error == EMFILE || start.error == ENFILE;
  if (none_left && context_.upstream_limiter.close_one()) return io::start_connect(socket_address_);
  return start;
}

void UpstreamPool::leave_queue(UpstreamEvents& exchange) {
  context_.waiting -= std::erase_if(
      waiting_, [&exchange](const Waiting& each) { return each.exchange == &exchange; });
}

void UpstreamPool::serve_queue() {
  while (!waiting_.empty()) {
    ConnectionToken turn;
    if (!has_room()) {
      if (!node_->acquire_connection(max_connections_)) return;
      turn = ConnectionToken(*node_);
    }
    UpstreamEvents& first = *waiting_.front().exchange;
    waiting_.pop_front();
    --context_.waiting;
    first.on_turn(std::move(turn));
  }
}

Millis UpstreamPool::max_idle_time(const UpstreamConnection& connection) const {
  const bool current = connection.generation() == target_.generation;
  return current && idle_.size() < kMaxIdle ? max_idle_time_ : Millis{0};
}

void UpstreamPool::on_closed_by_node(Millis idle, Instant since) {
  lifetime_.note_closed(idle, since, context_.loop.now());
}

void UpstreamPool::on_idle(UpstreamConnection& connection) {
  connection.pool_index_.idle = idle_.size();
  idle_.push_back(&connection);
}

void UpstreamPool::on_busy(UpstreamConnection& connection) {
  UpstreamConnection* const last = idle_.back();
  idle_[connection.pool_index_.idle] = last;
  last->pool_index_.idle = connection.pool_index_.idle;
  idle_.pop_back();
}

void UpstreamPool::drop(UpstreamConnection& connection) {
  connection.close();
  const std::size_t index = connection.pool_index_.all;
  std::swap(all_[index], all_.back());
  all_[index]->pool_index_.all = index;
  context_.loop.retire(std::move(all_.back()));
  all_.pop_back();
  context_.upstream_limiter.on_closed();
}

}  // namespace bonedry::proxy
