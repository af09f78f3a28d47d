#pragma once

#include "balancer/picker.h"
#include "balancer/retry_budget.h"
#include "balancer/topology.h"
#include "proxy/http/head_edits.h"
#include "proxy/own_cookies.h"
#include "proxy/pass_gate.h"
#include "proxy/stream.h"
#include "session/affinity.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

/// State of one pool that a worker keeps across topology changes.
struct PoolState {
  balancer::Picker picker;
  balancer::RetryBudget retries;
};

/// One worker's data for one pool of one topology. Exchanges that began with it keep it alive, so
/// that node indexes stay valid for them until they end or are routed again.
class PoolRuntime {
 public:
  /// `streams`: this worker's streams by node index; they outlive this.
  PoolRuntime(std::shared_ptr<const balancer::Topology> topology, const balancer::PoolView& view,
              std::span<const std::string> secrets, session::Ledger& ledger, const Clock& clock,
              std::shared_ptr<PoolState> state, std::vector<NodeStreams*> streams);

  [[nodiscard]] const balancer::PoolView& view() const { return view_; }
  [[nodiscard]] session::Affinity& affinity() { return *affinity_; }
  [[nodiscard]] PassGate& passes() { return passes_; }
  [[nodiscard]] balancer::Picker& picker() { return state_->picker; }
  [[nodiscard]] balancer::RetryBudget& retries() { return state_->retries; }
  [[nodiscard]] NodeStreams& streams(std::size_t node) { return *streams_[node]; }
  [[nodiscard]] const balancer::NodeView& node(std::size_t index) const {
    return view_.nodes[index];
  }

  /// Whether clients may switch to this protocol. Case-insensitive (RFC 9110, 7.8).
  [[nodiscard]] bool allows_upgrade(std::string_view protocol) const;

  /// Edits of a user's requests to the pool's nodes. Valid as long as this object.
  [[nodiscard]] http::RequestEdits request_edits() const { return edits(user_cookies_); }
  /// Edits of requests with a pass, which nodes must not see either.
  [[nodiscard]] http::RequestEdits pass_request_edits() const { return edits(tester_cookies_); }
  /// Edits of every response, except for the cookie.
  [[nodiscard]] http::ResponseEdits response_edits() const;
  /// Whether the request came through another bonedry that removed this pool's cookie from it.
  /// Meaningful only if the sender is trusted.
  [[nodiscard]] bool cookie_lost_in_front(const http::Head& request) const;
  /// Counts a clash if a node's Set-Cookie field has the name of our own cookie. The node would
  /// never get its cookie back, and in the browser each of the two overwrites the other.
  void note_set_cookie(std::string_view field) const;

 private:
  [[nodiscard]] std::vector<std::string> own_cookies() const;
  [[nodiscard]] http::RequestEdits edits(const OwnCookies& cookies) const;
  /// Whether requests carry a cookie of our own, which nodes must not see.
  [[nodiscard]] bool has_own_cookie() const;
  /// Our entry in Via. Once a node has set a cookie with the name of ours, the entry also states
  /// that requests lose this cookie: the node may be another bonedry. Requests cannot turn this on.
  [[nodiscard]] std::string_view via() const;

  std::shared_ptr<const balancer::Topology> topology_;  // keeps view_ alive
  const balancer::PoolView& view_;
  std::unique_ptr<session::Affinity> affinity_;
  PassGate passes_;
  const OwnCookies user_cookies_;    // that users may send: a request with a pass is no user's
  const OwnCookies tester_cookies_;  // that testers may send
  std::shared_ptr<PoolState> state_;
  std::vector<NodeStreams*> streams_;
  std::string via_with_cookie_;
};

}  // namespace bonedry::proxy
