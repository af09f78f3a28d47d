#include "proxy/upstream_pool.h"

#include <cassert>
#include <cerrno>
#include <utility>

namespace bonedry::proxy {

UpstreamPool::UpstreamPool(WorkerContext& context, std::shared_ptr<balancer::Node> node,
                           const conf::Address& address, const conf::Pool& config)
    : context_(context), node_(std::move(node)) {
  context_.nodes.enlist(*this);
  configure(address, config);
}

UpstreamPool::~UpstreamPool() {
  while (!all_.empty()) drop(*all_.back());
  context_.nodes.strike(*this);
}

void UpstreamPool::configure(const conf::Address& address, const conf::Pool& config) {
  if (config.reuse < reuse_) close_idle();
  reuse_ = config.reuse;
  lifetime_.set_most(reuse_);
  if (address == address_ && config.proxy_protocol == proxy_protocol_) return;
  address_ = address;
  proxy_protocol_ = config.proxy_protocol;
  // The config loader has checked that it is numeric.
  const auto target = io::make_address(address.host, address.port);
  assert(target);
  target_ = *target;
  ++generation_;
  close_idle();
}

void UpstreamPool::close_idle() {
  while (!idle_.empty()) drop(*idle_.back());
}

/// The newest, unless it is too old. Then it stays: it may do for others, and shows when the node
/// closes it.
UpstreamConnection* UpstreamPool::find_idle(balancer::Repeat repeat) {
  while (!idle_.empty()) {
    UpstreamConnection& connection = *idle_.back();
    if (connection.spoiled(repeat)) {
      connection.drop_spoiled();
      continue;
    }
    if (connection.idle_for() < lifetime_.usable(repeat, context_.loop.now())) return &connection;
    if (idle_.size() >= kPassedOver) drop(*idle_.front());
    return nullptr;
  }
  return nullptr;
}

std::variant<UpstreamConnection*, int> UpstreamPool::lease(Freshness freshness,
                                                           balancer::Repeat repeat,
                                                           UpstreamEvents& exchange) {
  UpstreamConnection* const idle = freshness == Freshness::any ? find_idle(repeat) : nullptr;
  if (idle != nullptr) {
    idle->lend(exchange);
    return idle;
  }
  io::ConnectStart start = connect();
  if (start.error != 0) return start.error;
  all_.push_back(std::make_unique<UpstreamConnection>(*this, generation_, proxy_protocol_,
                                                      std::move(start.fd)));
  UpstreamConnection& connection = *all_.back();
  connection.pool_index_ = all_.size() - 1;
  context_.nodes.on_opened();
  connection.lend(exchange);
  return &connection;
}

/// Idle connections give way to one that is needed.
io::ConnectStart UpstreamPool::connect() {
  context_.nodes.make_room();
  io::ConnectStart start = io::start_connect(target_);
  const bool none_left = start.error == EMFILE || start.error == ENFILE;
  if (none_left && context_.nodes.close_one()) return io::start_connect(target_);
  return start;
}

void UpstreamPool::wait(UpstreamEvents& exchange) {
  waiting_.push_back(&exchange);
  ++context_.waiting;
}

void UpstreamPool::stop_waiting(UpstreamEvents& exchange) {
  context_.waiting -= std::erase(waiting_, &exchange);
}

void UpstreamPool::serve_waiting(std::uint64_t most) {
  while (!waiting_.empty() && node_->take_connection(most)) {
    UpstreamEvents& first = *waiting_.front();
    waiting_.pop_front();
    --context_.waiting;
    first.on_connection_free();
  }
}

void UpstreamPool::add_idle(UpstreamConnection& connection) {
  connection.idle_index_ = idle_.size();
  idle_.push_back(&connection);
}

void UpstreamPool::remove_idle(UpstreamConnection& connection) {
  UpstreamConnection* const last = idle_.back();
  idle_[connection.idle_index_] = last;
  last->idle_index_ = connection.idle_index_;
  idle_.pop_back();
}

void UpstreamPool::drop(UpstreamConnection& connection) {
  connection.close();
  const std::size_t index = connection.pool_index_;
  std::swap(all_[index], all_.back());
  all_[index]->pool_index_ = index;
  context_.loop.retire(std::move(all_.back()));
  all_.pop_back();
  context_.nodes.on_closed();
}

}  // namespace bonedry::proxy
