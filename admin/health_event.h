#pragma once

#include "admin/event.h"
#include "balancer/node.h"

#include <optional>
#include <string>

namespace bonedry::admin {

struct HealthChange {
  balancer::Health before = balancer::Health::unknown;
  balancer::Health now = balancer::Health::unknown;

  friend bool operator==(const HealthChange&, const HealthChange&) = default;
};

/// The text of an event of the kind `health`: "up -> down: connection refused".
[[nodiscard]] std::string health_text(HealthChange change, const std::string& why);
/// What such an event says; nothing for other kinds.
[[nodiscard]] std::optional<HealthChange> health_change(const Event& event);

}  // namespace bonedry::admin
