// Exchanges of testers: those that a pass takes to its node (see PassGate).

#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {

using balancer::NodeView;
using balancer::Reachable;
using balancer::RouteDecision;

namespace {

constexpr http::Refusal kGone{403, "the pass is for a node that is no longer in the pool"};
constexpr http::Refusal kDown{503, "the node of the pass is down"};

}  // namespace

/// False: the request has got its answer.
bool Exchange::admit_pass() {
  PassGate& passes = runtime_->passes();
  const PassInRequest found = passes.find(request_head_, info_);
  if (found.place == PassInRequest::Place::none) return true;
  const PassGate::Channel channel =
      source_.tls != nullptr ? PassGate::Channel::tls : PassGate::Channel::plain;
  PassDecision decision = passes.decide(found, request_head_, info_, channel, context_.wall());
  if (const auto* const answer = std::get_if<PassAnswer>(&decision)) {
    routing_.decision = RouteDecision::pass_node;
    refusal_ = answer->refusal;
    respond(refusal_ ? EndReason::bad_pass : EndReason::completed, answer->response);
    return false;
  }
  pass_ = std::get<session::ValidPass>(std::move(decision));
  pass_->node->pass_use.note(context_.now());
  return true;
}

/// Passive marks are for users: a tester who has just started the node again need not wait.
void Exchange::route_pass() {
  routing_.decision = RouteDecision::pass_node;
  const auto& nodes = runtime_->view().nodes;
  const auto own = std::ranges::find(nodes, pass_->node, &NodeView::node);
  if (own == nodes.end()) return on_error(refused(EndReason::bad_pass, kGone));
  const auto index = static_cast<std::size_t>(own - nodes.begin());
  const bool failed = std::ranges::find(routing_.tried, index) != routing_.tried.end();
  const Reachable reachable =
      failed || pass_->node->health() == balancer::Health::down ? Reachable::no : Reachable::yes;
  const RouteDecision decision = balancer::route(balancer::Claim::pass, *own, reachable,
                                                 runtime_->view().config.session.on_lost);
  if (decision == RouteDecision::node_down) return on_error(refused(EndReason::node_lost, kDown));
  attempt(index);
}

http::RequestEdits Exchange::request_edits() const {
  http::RequestEdits edits = pass_ ? runtime_->pass_request_edits() : runtime_->request_edits();
  edits.request_id = request_id_;
  return edits;
}

/// A pass that is revoked ends its tunnels, too; other exchanges end by themselves.
bool Exchange::is_pass_revoked() const {
  if (!pass_) return false;
  const auto& nodes = current_runtime()->view().nodes;
  const auto own = std::ranges::find(nodes, pass_->node, &NodeView::node);
  return own != nodes.end() && session::is_revoked(pass_->issued, *own);
}

}  // namespace bonedry::proxy
