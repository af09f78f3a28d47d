#include "admin/health_event.h"

#include <array>

namespace bonedry::admin {

using balancer::Health;

std::string health_text(HealthChange change, const std::string& why) {
  return std::string(balancer::to_string(change.before)) + " -> " +
         balancer::to_string(change.now) + (why.empty() ? "" : ": " + why);
}

std::optional<HealthChange> health_change(const Event& event) {
  if (event.kind != "health") return std::nullopt;
  const std::string change = event.text.substr(0, event.text.find(':'));
  for (const Health before : {Health::unknown, Health::up, Health::down}) {
    for (const Health now : {Health::unknown, Health::up, Health::down}) {
      if (change == health_text({before, now}, "")) return HealthChange{before, now};
    }
  }
  return std::nullopt;
}

}  // namespace bonedry::admin
