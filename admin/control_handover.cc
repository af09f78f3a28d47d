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

void ControlPlane::hand_over() {
  rule_ = Rule::of_successor;
  before_ = {config_, records_};
}

void ControlPlane::take_back() {
  rule_ = Rule::own;
  config_ = std::move(before_->config);
  records_ = std::move(before_->records);
  before_.reset();
  closing_.clear();  // looks at dryness that were under way have come to nothing
  opening_.clear();
  adopt_anew();
  const Outcome saved = parts_.store.save(records_);  // the successor may have begun to write
  if (!saved) parts_.events.add("error", "", saved.error());
  publish([] {});
}

void ControlPlane::follow(std::optional<conf::Config> config, NodeRecords records, Doors doors,
                          std::function<void()> then) {
  if (config) {
    for (const conf::Listener& listener : served_) {
      const auto has = [&listener](const conf::Config& some) {
        return std::ranges::find(some.pools, listener.pool, &conf::Pool::name);
      };
      if (has(*config) == config->pools.end()) config->pools.push_back(*has(config_));
    }
    config_ = std::move(*config);
  }
  records_ = std::move(records);
  closing_ = std::move(doors.shut);
  opening_ = std::move(doors.opening);
  adopt_anew();
  publish(std::move(then));
}

/// The nodes of another config, and those of the records that it lacks.
void ControlPlane::adopt_anew() {
  adopt_nodes(records_);
  removed_.clear();
  restore_removed();
}

}  // namespace bonedry::admin
