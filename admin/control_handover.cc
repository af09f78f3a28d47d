// One generation of the program hands over to the next, which then decides for both.

#include "admin/control_plane.h"

#include <algorithm>

namespace bonedry::admin {

void ControlPlane::upgrade(const std::string& by, const Answer& answer) {
  if (has_handed_over()) {
    return answer(Failure{std::string("another process is taking over already")});
  }
  parts_.upgrade(by, answer);
}

void ControlPlane::take_back() {
  rule_ = Rule::own;
  // Looks at dryness that were under way have come to nothing.
  reopen(Keys(closing_.begin(), closing_.end()));
}

void ControlPlane::follow(std::optional<conf::Config> config, NodeRecords records,
                          std::set<std::string> shut, std::function<void()> then) {
  const auto serves_all_listeners = [this](const conf::Config& next) {
    return std::ranges::all_of(config_.listeners, [&next](const conf::Listener& listener) {
      return std::ranges::find(next.pools, listener.pool, &conf::Pool::name) != next.pools.end();
    });
  };
  // Clients of a pool that is gone are still connected here.
  if (config && serves_all_listeners(*config)) config_ = std::move(*config);
  records_ = std::move(records);
  adopt_nodes(records_);
  removed_.clear();
  restore_removed();
  closing_ = std::move(shut);
  publish(std::move(then));
}

}  // namespace bonedry::admin
