#include "admin/hooks/hook_command.h"

#include "admin/health_event.h"
#include "admin/printable.h"
#include "admin/render_json.h"
#include "balancer/node_id.h"

namespace bonedry::admin {

using conf::HookEvent;

std::optional<HookEvent> hook_event(const Event& event) {
  if (event.kind == "dry") return HookEvent::dry;
  if (event.kind == "bleed") return HookEvent::bleed;
  if (event.kind == "activate") return HookEvent::activate;
  if (event.kind == "bleed_warning") return HookEvent::bleed_warning;
  const std::optional<HealthChange> change = health_change(event);
  if (!change) return std::nullopt;
  if (change->now == balancer::Health::down) return HookEvent::down;
  const bool recovered =
      change->before == balancer::Health::down && change->now == balancer::Health::up;
  return recovered ? std::optional(HookEvent::up) : std::nullopt;
}

HookCommand hook_command(const conf::Hooks& hooks, HookEvent hook, const Event& event,
                         const std::string& address, const std::string& path) {
  const std::string name{conf::kHookEventNames[static_cast<std::size_t>(hook)]};
  const auto id = balancer::NodeId::parse(event.node);
  HookCommand command;
  command.name = name + " " + event.node;
  command.words = hooks.command(hook);
  command.input = render_json(event);
  command.timeout = hooks.timeout;
  // Texts may come from a node or a client. Nothing in them may end the value, or a line.
  const auto set = [&command](const char* variable, const std::string& value) {
    command.environment.push_back(std::string(variable) + "=" + printable(value));
  };
  set("PATH", path);
  set("BONEDRY_EVENT", name);
  set("BONEDRY_POOL", id ? id->pool : "");
  set("BONEDRY_NODE", id ? id->name : event.node);
  set("BONEDRY_ADDRESS", address);
  set("BONEDRY_TIME", rfc3339(event.at, Precision::millis));
  set("BONEDRY_BY", event.by);
  set("BONEDRY_REASON", event.reason);
  set("BONEDRY_TEXT", event.text);
  return command;
}

}  // namespace bonedry::admin
