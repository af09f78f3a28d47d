// How an exchange finds its node: routing table, connection, other nodes.

#include "proxy/exchange.h"
#include "proxy/worker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace bonedry::proxy {

using balancer::Claim;
using balancer::NodeView;
using balancer::Purpose;
using balancer::Reachable;
using balancer::Verdict;

namespace {

// Nodes that refuse in a row before the client is told: a pool that is down answers soon.
constexpr std::size_t kNodesTried = 8;
// A node that restarts refuses for a moment; its users are worth two more tries before they move.
constexpr std::array<Millis, 2> kOwnNodePauses{Millis{100}, Millis{300}};

}  // namespace

/// Asks the routing table, and goes where it says. Called again after a node could not be reached.
void Exchange::choose() {
  follow_topology();
  if (visit_.claim == Claim::none) return choose_other(Verdict::fresh);
  const NodeView& claimed = runtime_->node(visit_.node);
  const bool failed = std::ranges::find(tried_, visit_.node) != tried_.end();
  const Reachable reachable =
      failed || claimed.node->down(worker_.now()) ? Reachable::no : Reachable::yes;
  const Verdict verdict =
      balancer::route(visit_.claim, claimed, reachable, runtime_->view().config.session.on_lost);
  if (verdict == Verdict::lost) {
    verdict_ = verdict;
    return reply(EndReason::node_lost);
  }
  if (verdict != Verdict::own_node) return choose_other(verdict);
  // Late is also who begins anew on the old node, and stays so when that is asked a second time.
  const bool was_late = own_node_tries_ > 0 && verdict_ == Verdict::late;
  verdict_ = visit_.claim == Claim::ended || was_late ? Verdict::late : verdict;
  if (visit_.claim == Claim::ended) {  // it needs a place like anybody
    if (!claimed.node->book_place(claimed.max_sessions)) return choose_other(Verdict::late);
    booked_ = claimed.node.get();
  }
  const std::size_t node =
      runtime_->affinity().settle(visit_, verdict, visit_.node, worker_.exact_now());
  release_place();
  attempt(node);
}

void Exchange::choose_other(Verdict verdict) {
  verdict_ = verdict;
  const bool sticky = runtime_->affinity().sticky();
  const auto picked = tried_.size() < kNodesTried
                          ? runtime_->picker().pick(
                                runtime_->view(), sticky ? Purpose::new_session : Purpose::exchange,
                                tried_, worker_.now())
                          : std::nullopt;
  if (!picked) return reply(tried_.empty() ? EndReason::no_node : ending_);
  if (sticky) booked_ = runtime_->node(*picked).node.get();
  std::size_t node = *picked;
  if (verdict == Verdict::rescued && node == visit_.node) {
    verdict_ = Verdict::own_node;  // all are marked, and its own is tried like any other
    release_place();
  } else if (visit_.claim != Claim::none && verdict != Verdict::rescued) {
    node = runtime_->affinity().settle(visit_, verdict, node, worker_.exact_now());
    release_place();  // the ledger counts it there by now
  }
  attempt(node);
}

/// A user is taken off a node that is down only when another one has been reached: if none can be,
/// the node may be back sooner than they are. False when the exchange goes elsewhere, because a
/// simultaneous request of the session was rescued to another node first.
bool Exchange::settle_rescue() {
  if (verdict_ != Verdict::rescued || visit_.node == node_index_) return true;
  const std::size_t node =
      runtime_->affinity().settle(visit_, verdict_, node_index_, worker_.exact_now());
  release_place();
  if (node == node_index_) return true;
  release_upstream(http::Persistence::close);
  set(AttemptState::none);
  attempt(node);
  return false;
}

void Exchange::attempt(std::size_t node) {
  if (!node_ || node_.get() != runtime_->node(node).node.get()) {
    leave_node();
    node_ = runtime_->node(node).node;
    node_->open_exchange();
  }
  node_index_ = node;
  if (take_connection()) return connect();
  join_queue();
}

/// False when it has to be waited for. Who comes does not overtake those who wait.
bool Exchange::take_connection() {
  const NodeView& view = runtime_->node(node_index_);
  if (view.max_connections == 0) return true;
  if (runtime_->upstream(node_index_).has_waiting()) return false;
  if (!node_->take_connection(view.max_connections)) return false;
  in_use_ = node_.get();
  return true;
}

void Exchange::join_queue() {
  if (!node_->begin_waiting(runtime_->node(node_index_).max_waiting)) {
    return reply(EndReason::node_full);
  }
  set(AttemptState::queued);
  runtime_->upstream(node_index_).wait(*this);
  arm_for(worker_.context().timeouts.queue);
}

void Exchange::leave_queue() {
  if (attempt_ != AttemptState::queued) return;
  runtime_->upstream(node_index_).stop_waiting(*this);
  node_->end_waiting();
  set(AttemptState::none);
}

/// While it waited the node may have been shut, or taken out of the config: then it chooses anew.
void Exchange::on_connection_free() {
  in_use_ = node_.get();
  timer_.disarm();
  leave_queue();
  if (runtime_ == worker_.runtime_of(origin_.listener)) return connect();
  release_upstream(http::Persistence::close);
  release_place();
  leave_node();
  choose();
}

void Exchange::connect() {
  const auto leased = runtime_->upstream(node_index_).lease(freshness_, repeat(), *this);
  set(AttemptState::connecting);
  if (const int* const error = std::get_if<int>(&leased)) return on_connect_failed(*error);
  upstream_ = std::get<UpstreamConnection*>(leased);
  if (upstream_->connected()) return on_connected();
  arm_for(worker_.context().timeouts.connect);
}

/// A body may turn out too long to be kept, so only what has none counts as safe.
balancer::Repeat Exchange::repeat() const {
  const bool allowed = facts_.idempotent && facts_.framing.kind == http::BodyKind::none &&
                       !runtime_->retries().used_up();
  return allowed ? balancer::Repeat::allowed : balancer::Repeat::forbidden;
}

void Exchange::on_connect_failed(int error) {
  release_upstream(http::Persistence::close);
  timer_.disarm();
  // Our own shortage says nothing about the node, and must take nobody off it.
  if (io::is_local_shortage(error)) {
    worker_.report_shortage(error);
    return reply(EndReason::no_resources);
  }
  const conf::Health& health = runtime_->view().config.health;
  if (node_->note_connect_failure(health.passive_failures, health.passive_hold, worker_.now())) {
    worker_.report_marked(*node_, error);
  }
  ending_ = error == ETIMEDOUT ? EndReason::connect_timeout : EndReason::connect_failed;
  if (ask_own_node_again(error)) return;
  set(AttemptState::none);
  tried_.push_back(node_index_);
  release_place();
  leave_node();
  choose();
}

/// A refused connect is over in no time, so a user's own node gets another chance before the user
/// is taken off it. A time-out has already cost too much.
bool Exchange::ask_own_node_again(int error) {
  const bool own = visit_.claim == Claim::session && visit_.node == node_index_;
  if (error != ECONNREFUSED || !own) return false;
  if (own_node_tries_ == kOwnNodePauses.size() || node_->down(worker_.now())) return false;
  set(AttemptState::pausing);
  arm_for(kOwnNodePauses[own_node_tries_++]);
  return true;
}

/// Goes on under the topology of now, whose node indexes may differ.
void Exchange::follow_topology() {
  const std::shared_ptr<PoolRuntime>& current = worker_.runtime_of(origin_.listener);
  if (current == runtime_) return;
  const balancer::Node* const claimed =
      visit_.claim == Claim::none ? nullptr : runtime_->node(visit_.node).node.get();
  runtime_ = current;
  tried_.clear();
  if (claimed == nullptr) return;
  const auto& nodes = runtime_->view().nodes;
  const auto same = std::ranges::find_if(
      nodes, [claimed](const NodeView& view) { return view.node.get() == claimed; });
  if (same != nodes.end()) {
    visit_.node = static_cast<std::size_t>(same - nodes.begin());
    return;
  }
  runtime_->affinity().leave(visit_, worker_.exact_now());
  visit_ = session::Visit{};
}

void Exchange::leave_node() {
  if (!node_) return;
  node_->close_exchange(worker_.now());
  node_.reset();
}

void Exchange::release_place() {
  if (booked_ != nullptr) booked_->release_place();
  booked_ = nullptr;
}

}  // namespace bonedry::proxy
