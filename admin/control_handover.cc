// One generation of the program hands over to the next, which then decides for both.

#include "admin/control_plane.h"

#include <algorithm>

namespace bonedry::admin {

void ControlPlane::upgrade(const std::string& by, const ChangeCallback& callback) {
  if (is_standby()) {
    return callback(fail(ErrorCode::unavailable, "an upgrade is already in progress"));
  }
  parts_.upgrade(by, callback);
}

void ControlPlane::begin_standby() {
  nodes_.clear_addresses();
  standby_backup_ = {config_, records_};
}

void ControlPlane::end_standby() {
  config_ = std::move(standby_backup_->config);
  records_ = std::move(standby_backup_->records);
  standby_backup_.reset();
  doors_.apply_overrides({});  // abandons dryness checks in progress
  (void)rebuild_nodes();       // cannot fail: the nodes never lost their slots
  nodes_.clear_addresses();    // for nodes that only the successor has
  const Result<> saved = parts_.store.save(records_);  // the successor may have begun to write
  if (!saved) parts_.events.error("", saved.error());
  publish([] {});
}

Result<> ControlPlane::apply_routing_state(std::optional<conf::Config> config, NodeRecords records,
                                           const DoorOverrides& overrides,
                                           std::function<void()> then) {
  conf::Config old_config = config_;
  if (config) {
    for (const conf::Listener& listener : initial_listeners_) {
      const auto has = [&listener](const conf::Config& some) {
        return std::ranges::find(some.pools, listener.pool, &conf::Pool::name);
      };
      if (listener.pool.empty()) continue;
      if (has(*config) == config->pools.end()) config->pools.push_back(*has(config_));
    }
    // Until its socket is replaced, this process answers by what it has read itself.
    config->admin = config_.admin;
    config->hooks = config_.hooks;
    config_ = std::move(*config);
  }
  std::swap(records_, records);
  const Doors old_doors = doors_;
  doors_.apply_overrides(overrides);
  const Result<> adopted = rebuild_nodes();
  if (adopted) {
    publish(std::move(then));
  } else {
    config_ = std::move(old_config);
    std::swap(records_, records);
    doors_ = old_doors;
  }
  return adopted;
}

/// Sets up the nodes of `config_`, and those of the records that it lacks.
Result<> ControlPlane::rebuild_nodes() {
  RemovedNodes removed(records_, config_);
  const Result<> claimed = nodes_.claim(config_, removed, authority());
  if (!claimed) return claimed;
  removed_ = std::move(removed);
  nodes_.adopt(config_, removed_, authority());
  return Done{};
}

}  // namespace bonedry::admin
