#include "proxy/upgrade_coordinator.h"

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/state_store.h"
#include "conf/loader.h"

#include <spdlog/spdlog.h>

#include <set>
#include <utility>

namespace bonedry::proxy {
namespace {

std::set<balancer::NodeId> nodes_in(const std::set<std::string>& texts) {
  std::set<balancer::NodeId> nodes;
  for (const std::string& text : texts) {
    if (auto id = balancer::NodeId::parse(text)) nodes.insert(std::move(*id));
  }
  return nodes;
}

}  // namespace

UpgradeCoordinator::UpgradeCoordinator(Parts parts, Events events)
    : parts_(std::move(parts)), events_(std::move(events)) {}

void UpgradeCoordinator::upgrade(const std::string& by, const admin::Answer& answer) {
  const Outcome possible = may_upgrade();
  if (!possible) {
    return answer(admin::fail(admin::ErrorCode::unavailable, "not upgraded: " + possible.error()));
  }
  parts_.control.hand_over();
  successor_.emplace(parts_.loop,
                     Successor::Events{
                         [this](std::uint64_t number, const handover::Guidance& guidance) {
                           follow(number, guidance);
                         },
                         [this, by, answer] { succeed(by, answer); },
                         [this, answer](const std::string& why) { fail(why, answer); },
                         [this] { outlive_successor(); },
                     });
  const Outcome started =
      successor_->start({parts_.program, "--config", parts_.config_path},
                        {parts_.lock.get(), parts_.control.config().admin.socket,
                         parts_.server.listening(), measured()});
  if (started) return;
  successor_->abandon();
  fail(started.error(), answer);
}

void UpgradeCoordinator::abandon() {
  if (!successor_ || !successor_->is_starting()) return;
  successor_->abandon();
  parts_.control.take_back();
}

Outcome UpgradeCoordinator::may_upgrade() const {
  if (!parts_.ledger.is_shared()) return Done{};
  return Failure{
      std::string("the previous process is still running, because clients are connected to it")};
}

std::vector<handover::Measured> UpgradeCoordinator::measured() const {
  std::vector<handover::Measured> nodes;
  for (const balancer::PoolView& pool : parts_.control.topology()->pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      nodes.push_back({view.node->key(), to_string(view.address), view.node->health()});
    }
  }
  return nodes;
}

void UpgradeCoordinator::succeed(const std::string& by, const admin::Answer& answer) {
  const admin::ChangeResult result = admin::UpgradeResult{successor_->pid()};
  parts_.events.add("upgrade", "", admin::sentence(result) + (by.empty() ? "" : ", by " + by));
  answer(result);
  events_.on_taken_over();
}

void UpgradeCoordinator::fail(const std::string& why, const admin::Answer& answer) {
  parts_.control.take_back();
  parts_.events.add("error", "", "the upgrade failed: " + why);
  answer(admin::fail(admin::ErrorCode::failed,
                     "the upgrade failed: " + why + "; this process keeps running"));
}

void UpgradeCoordinator::follow(std::uint64_t number, const handover::Guidance& guidance) {
  Result<admin::NodeRecords> records = parts_.store.load();
  Result<conf::Loaded> config = conf::load_text(guidance.config, parts_.config_path);
  if (!records) return cannot_follow(number, records.error());
  if (!config) {
    spdlog::warn("cannot parse the config of the new process: {}", config.error());
  }
  const Outcome followed = parts_.control.follow(
      config ? std::optional(std::move(config->config)) : std::nullopt, std::move(*records),
      {nodes_in(guidance.shut), nodes_in(guidance.opening)},
      [this, number, asked_by = successor_->pid()] {
        if (successor_->pid() == asked_by) successor_->followed(number);
      });
  if (!followed) return cannot_follow(number, followed.error());
  follow_trouble_.clear();
}

/// The new process asks again at once, so the same trouble is logged once.
void UpgradeCoordinator::cannot_follow(std::uint64_t number, const std::string& why) {
  if (follow_trouble_ != why) spdlog::error("cannot apply the state of the new process: {}", why);
  follow_trouble_ = why;
  successor_->not_followed(number);
}

/// Nobody decides any more: the next start must find the state directory free soon.
void UpgradeCoordinator::outlive_successor() {
  spdlog::error("process {}, which had taken over, is gone", successor_->pid());
  events_.on_orphaned();
}

}  // namespace bonedry::proxy
