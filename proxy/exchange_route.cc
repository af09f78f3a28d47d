// How an exchange reaches a node: routing table, connection, fail-over to other nodes.

#include "proxy/exchange.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace bonedry::proxy {

using balancer::Claim;
using balancer::NodeView;
using balancer::Purpose;
using balancer::Reachable;
using balancer::RouteDecision;

namespace {

// NodeIds in a row that may fail before the client gets an error, so that a pool that is down
// responds soon.
constexpr std::size_t kNodesTried = 8;
// A restarting node refuses connections for a moment; its sessions get two more tries before they
// are rescued, and so do passes.
constexpr std::array<Millis, 2> kOwnNodePauses{Millis{100}, Millis{300}};

}  // namespace

const std::shared_ptr<PoolRuntime>& Exchange::current_runtime() const {
  return context_.router().find(source_.listener, info_);
}

/// Follows the routing table. Called again after a node could not be reached.
void Exchange::route() {
  follow_topology();
  if (pass_) return route_pass();
  if (binding_.claim == Claim::none) {
    return pick_node(is_exempt() ? RouteDecision::exempt : RouteDecision::new_session);
  }
  const NodeView& claimed = runtime_->node(binding_.node);
  const bool failed = std::ranges::find(routing_.tried, binding_.node) != routing_.tried.end();
  const Reachable reachable =
      failed || claimed.node->down(context_.now()) ? Reachable::no : Reachable::yes;
  const RouteDecision decision = fenced(
      balancer::route(binding_.claim, claimed, reachable, runtime_->view().config.session.on_lost),
      claimed);
  // An application may still know a user whose session has ended.
  if (is_exempt() && decision == RouteDecision::session_node) return attempt(binding_.node);
  if (is_exempt()) return pick_node(RouteDecision::exempt);
  if (decision == RouteDecision::node_down) {
    routing_.decision = decision;
    return on_error({EndReason::node_lost});
  }
  if (decision == RouteDecision::held) return wait_at_door();
  if (decision != RouteDecision::session_node) return pick_node(decision);
  // A session that begins again on its old node is late as well, and stays late when that node is
  // tried a second time.
  const bool was_late = routing_.own_node_tries > 0 && routing_.decision == RouteDecision::late;
  routing_.decision = binding_.claim == Claim::ended || was_late ? RouteDecision::late : decision;
  if (binding_.claim == Claim::ended) {  // it needs room like any new session
    if (!claimed.node->reserve_session(claimed.max_sessions)) return pick_node(RouteDecision::late);
    held_.reservation = SessionReservation(*claimed.node);
  }
  follow_session(bind_session(decision, binding_.node));
}

/// Returns the node on which the session is now. One that is put elsewhere here may be asked for by
/// another member with the user's next request.
std::size_t Exchange::bind_session(RouteDecision decision, std::size_t chosen) {
  const std::size_t node =
      runtime_->affinity().bind(binding_, decision, chosen, context_.exact_now());
  held_.reservation.reset();  // the ledger counts the session there now
  if (decision != RouteDecision::session_node && context_.inquiries() != nullptr) {
    context_.inquiries()->tell_soon();
  }
  return node;
}

/// A member that the others have forgotten may have no users on a node that they may call dry.
RouteDecision Exchange::fenced(RouteDecision decision, const NodeView& claimed) const {
  if (decision != RouteDecision::session_node || claimed.door != balancer::Door::sessions_only) {
    return decision;
  }
  return context_.is_fenced() ? RouteDecision::moved : decision;
}

/// Nothing: there is none, or enough have been tried.
std::optional<std::size_t> Exchange::choose_node() {
  if (routing_.tried.size() >= kNodesTried) return std::nullopt;
  const balancer::PoolView& pool = runtime_->view();
  const bool sticky = runtime_->affinity().sticky() && !is_exempt();
  if (!sticky) {
    return runtime_->picker().pick(pool, Purpose::exchange, routing_.tried, context_.now());
  }
  const bool keyed =
      pool.placement == balancer::KeyedPlacement::by_key && binding_.claim != Claim::none;
  auto picked =
      keyed ? runtime_->picker().pick_by_key(pool, {binding_.key.high, binding_.key.low},
                                             routing_.tried, context_.now())
            : runtime_->picker().pick(pool, Purpose::new_session, routing_.tried, context_.now());
  if (picked) held_.reservation = SessionReservation(*runtime_->node(*picked).node);
  return picked;
}

void Exchange::pick_node(RouteDecision decision) {
  routing_.decision = decision;
  const auto picked = choose_node();
  if (!picked) return on_error({routing_.tried.empty() ? EndReason::no_node : end_reason_});
  const std::size_t node = *picked;
  if (decision == RouteDecision::rescued && node == binding_.node) {
    routing_.decision =
        RouteDecision::session_node;  // all nodes are down, so its own is tried like any other
    held_.reservation.reset();
  } else if (binding_.claim != Claim::none && decision != RouteDecision::rescued && !is_exempt()) {
    return follow_session(bind_session(decision, node));
  }
  attempt(node);
}

/// The session is on that node, where another request may have put it by an older topology.
void Exchange::follow_session(std::size_t node) {
  if (runtime_->node(node).door != balancer::Door::held) return attempt(node);
  leave_node();
  wait_at_door();
}

/// A session leaves a node that is down only when another node has been reached: if none can be,
/// its own node may be back sooner than they are. False when the exchange goes elsewhere, because a
/// simultaneous request of the session was rescued to another node first.
bool Exchange::commit_rescue() {
  if (routing_.decision != RouteDecision::rescued || binding_.node == held_.index) return true;
  const std::size_t node = bind_session(routing_.decision, held_.index);
  if (node == held_.index) return true;
  release_upstream();
  set(AttemptState::none);
  if (runtime_ == current_runtime()) {
    follow_session(node);
  } else {  // the current topology may not have that node
    leave_node();
    route();
  }
  return false;
}

void Exchange::attempt(std::size_t node) {
  const std::shared_ptr<balancer::Node>& next = runtime_->node(node).node;
  if (held_.node != next) {
    leave_node();
    held_.node = next;
    pass_ ? held_.node->open_pass_exchange() : held_.node->open_exchange();
  }
  held_.index = node;
  NodeStreams& streams = runtime_->streams(node);
  held_.meter = &streams.meter();
  take(streams.lease(lease_request(), *this));
}

/// A body may turn out too long to be kept, so only a request without one is repeatable.
LeaseRequest Exchange::lease_request() const {
  const bool allowed = info_.idempotent && info_.body.length == http::BodyLength::none &&
                       !runtime_->retries().used_up();
  return {routing_.reuse, allowed ? balancer::Repeat::allowed : balancer::Repeat::forbidden};
}

void Exchange::take(const NodeStreams::Lease& lease) {
  if (const auto* const queued = std::get_if<Queued>(&lease)) {
    if (*queued == Queued::full) return on_error({EndReason::node_full});
    set(AttemptState::queued);
    return arm_for(context_.timeouts().queue);
  }
  if (const auto* const stream = std::get_if<UpstreamStream*>(&lease)) {
    upstream_ = *stream;
    if (upstream_->connected()) return on_connected();
  }
  set(AttemptState::connecting);
  if (const auto* const error = std::get_if<ExchangeError>(&lease)) on_error(*error);
}

void Exchange::leave_queue() {
  if (attempt_ == AttemptState::asking) inquiry_->stop_waiting();
  if (attempt_ != AttemptState::queued) return;
  runtime_->streams(held_.index).leave_queue(*this);
  set(AttemptState::none);
}

/// While the exchange waited, its node may have been shut or removed from the config: then it
/// chooses a node again.
void Exchange::on_turn(ConnectionToken turn) {
  calls_.expect_none();
  timer_.disarm();
  set(AttemptState::none);
  if (runtime_ == current_runtime()) {
    // A token that a failed lease did not use is given back before the error is handled.
    const NodeStreams::Lease lease =
        runtime_->streams(held_.index).lease(lease_request(), *this, std::move(turn));
    return take(lease);
  }
  turn.reset();
  held_.reservation.reset();
  leave_node();
  route();
}

void Exchange::try_other_node(const ExchangeError& error) {
  release_upstream();
  timer_.disarm();
  end_reason_ = error.reason;
  if (retry_own_node(error)) return;
  set(AttemptState::none);
  routing_.tried.push_back(held_.index);
  held_.reservation.reset();
  leave_node();
  route();
}

/// A refused connect fails quickly, so the node of the session or pass is tried again before the
/// session is rescued. After a time-out it is not: that has taken too long already.
bool Exchange::retry_own_node(const ExchangeError& error) {
  const bool own = pass_ || (binding_.claim == Claim::session && binding_.node == held_.index);
  if (error.error != ECONNREFUSED || !own) return false;
  const bool enough = routing_.own_node_tries == kOwnNodePauses.size();
  if (enough || held_.node->down(context_.now())) return false;
  set(AttemptState::pausing);
  arm_for(kOwnNodePauses[routing_.own_node_tries++]);
  return true;
}

/// Switches to the current topology, whose node indexes may differ.
void Exchange::follow_topology() {
  const std::shared_ptr<PoolRuntime>& current = current_runtime();
  if (current == runtime_) return;
  const balancer::Node* const claimed =
      binding_.claim == Claim::none ? nullptr : runtime_->node(binding_.node).node.get();
  runtime_ = current;
  routing_.tried.clear();
  if (claimed == nullptr) return;
  const auto& nodes = runtime_->view().nodes;
  const auto same = std::ranges::find_if(
      nodes, [claimed](const NodeView& view) { return view.node.get() == claimed; });
  if (same != nodes.end()) {
    binding_.node = static_cast<std::size_t>(same - nodes.begin());
    return;
  }
  runtime_->affinity().release(binding_, context_.exact_now());
  binding_ = session::SessionBinding{};
}

void Exchange::leave_node() {
  if (!held_.node) return;
  pass_ ? held_.node->close_pass_exchange() : held_.node->close_exchange(context_.now());
  held_.node.reset();
  held_.meter = nullptr;
}

}  // namespace bonedry::proxy
