#pragma once

#include "balancer/picker.h"
#include "balancer/retry_budget.h"
#include "balancer/topology.h"
#include "proxy/http/head_edits.h"
#include "proxy/stream.h"
#include "session/affinity.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

/// What one worker keeps of a pool over topologies.
struct PoolState {
  balancer::Picker picker;
  balancer::RetryBudget retries;
};

/// What one worker has for one pool of one topology. Exchanges that began under it keep it alive,
/// so that node indexes mean the same to them until they end or route anew.
class PoolRuntime final : public http::CookieFilter {
 public:
  /// `streams`: this worker's, by node index; they outlive this.
  PoolRuntime(std::shared_ptr<const balancer::Topology> topology, const balancer::PoolView& view,
              std::span<const std::string> secrets, session::Ledger& ledger, const Clock& clock,
              std::shared_ptr<PoolState> memory, std::vector<NodeStreams*> streams)
      : topology_(std::move(topology)),
        view_(view),
        affinity_(session::make_affinity(view, secrets, ledger, clock)),
        memory_(std::move(memory)),
        streams_(std::move(streams)),
        via_with_cookie_(std::string(http::kOurVia) + " (cookie " + view.config.session.cookie +
                         ")") {}

  [[nodiscard]] const balancer::PoolView& view() const { return view_; }
  [[nodiscard]] session::Affinity& affinity() { return *affinity_; }
  [[nodiscard]] balancer::Picker& picker() { return memory_->picker; }
  [[nodiscard]] balancer::RetryBudget& retries() { return memory_->retries; }
  [[nodiscard]] NodeStreams& streams(std::size_t node) { return *streams_[node]; }
  [[nodiscard]] const balancer::NodeView& node(std::size_t index) const {
    return view_.nodes[index];
  }

  /// Whether clients may switch to this protocol. Names are compared without case (RFC 9110, 7.8).
  [[nodiscard]] bool allows_upgrade(std::string_view protocol) const;

  /// What is changed in every request to the pool's nodes. Valid as long as this.
  [[nodiscard]] http::RequestEdits request_edits() const;
  /// What is changed in every response, but for the cookie.
  [[nodiscard]] http::ResponseEdits response_edits() const;
  /// Whether the request came through a bonedry that has taken this pool's cookie out of it, if
  /// whoever sent it is trusted.
  [[nodiscard]] bool cookie_lost_in_front(const http::Head& request) const;
  /// Notes a node's Set-Cookie field. One of the name of our own cookie never comes back to it, and
  /// in the browser each of the two takes the other's place.
  void note_set_cookie(std::string_view field) const;

  /// Takes our session cookie out of what goes to the node.
  [[nodiscard]] Kept filter(std::string_view value) const override;

 private:
  /// Whether requests have a cookie of our own, which is not the nodes' to see.
  [[nodiscard]] bool has_own_cookie() const;
  /// Once a node was seen to set a cookie of our own one's name, Via tells nodes that they will
  /// miss it: that may be another bonedry. No request turns this on.
  [[nodiscard]] std::string_view via() const;

  std::shared_ptr<const balancer::Topology> topology_;  // keeps view_
  const balancer::PoolView& view_;
  std::unique_ptr<session::Affinity> affinity_;
  std::shared_ptr<PoolState> memory_;
  std::vector<NodeStreams*> streams_;
  std::string via_with_cookie_;
};

}  // namespace bonedry::proxy
