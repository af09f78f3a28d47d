// One generation of the program hands over to the next, which then decides for both.

#include "admin/control_plane.h"

#include <algorithm>

namespace bonedry::admin {

void ControlPlane::upgrade(const std::string& by, const Answer& answer) {
  if (has_handed_over()) {
    return answer(fail(ErrorCode::unavailable, "another process is taking over already"));
  }
  parts_.upgrade(by, answer);
}

void ControlPlane::hand_over() {
  nodes_.clear_addresses();
  before_ = {config_, records_};
}

void ControlPlane::take_back() {
  config_ = std::move(before_->config);
  records_ = std::move(before_->records);
  before_.reset();
  doors_.follow({});         // looks at dryness that were under way have come to nothing
  (void)adopt_anew();        // its nodes have never lost their places
  nodes_.clear_addresses();  // of what the successor alone has
  const Outcome saved = parts_.store.save(records_);  // the successor may have begun to write
  if (!saved) parts_.events.add("error", "", saved.error());
  publish([] {});
}

Outcome ControlPlane::follow(std::optional<conf::Config> config, NodeRecords records,
                             const HeldDoors& held, std::function<void()> then) {
  conf::Config old_config = config_;
  if (config) {
    for (const conf::Listener& listener : served_) {
      const auto has = [&listener](const conf::Config& some) {
        return std::ranges::find(some.pools, listener.pool, &conf::Pool::name);
      };
      if (has(*config) == config->pools.end()) config->pools.push_back(*has(config_));
    }
    config_ = std::move(*config);
  }
  std::swap(records_, records);
  const Doors old_doors = doors_;
  doors_.follow(held);
  const Outcome adopted = adopt_anew();
  if (adopted) {
    publish(std::move(then));
  } else {
    config_ = std::move(old_config);
    std::swap(records_, records);
    doors_ = old_doors;
  }
  return adopted;
}

/// The nodes of another config, and those of the records that it lacks.
Outcome ControlPlane::adopt_anew() {
  RemovedNodes removed(records_, config_);
  const Outcome claimed = nodes_.claim(config_, removed, rule());
  if (!claimed) return claimed;
  removed_ = std::move(removed);
  nodes_.adopt(config_, removed_, rule());
  return Done{};
}

}  // namespace bonedry::admin
