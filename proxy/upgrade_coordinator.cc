#include "proxy/upgrade_coordinator.h"

#include "admin/control_plane.h"
#include "admin/event_log.h"
#include "admin/passes.h"
#include "admin/state_store.h"
#include "proxy/config_files.h"

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
    : parts_(std::move(parts)),
      events_(std::move(events)),
      report_timer_(parts_.loop.timers(), [this] {
        report_totals();
        report_timer_.arm(kReportInterval);
      }) {}

void UpgradeCoordinator::upgrade(const std::string& by, const admin::ChangeCallback& callback) {
  const Result<> possible = may_upgrade();
  if (!possible) {
    return callback(
        admin::fail(admin::ErrorCode::unavailable, "not upgraded: " + possible.error()));
  }
  parts_.save();
  parts_.control.begin_standby();
  successor_.emplace(parts_.loop,
                     Successor::Events{
                         [this](std::uint64_t number, const handover::RoutingState& routing_state) {
                           apply_routing_state(number, routing_state);
                         },
                         [this, by, callback] { on_upgraded(by, callback); },
                         [this, callback](const std::string& why) { fail(why, callback); },
                         [this] { on_successor_exited(); },
                         events_.on_reopen,
                     });
  const Result<> started = successor_->start(
      {parts_.program, "--config", parts_.config_path},
      {parts_.lock.get(), parts_.control.config().admin.socket, parts_.server.listening(),
       node_health(), parts_.server.ticket_keys(), parts_.totals});
  if (started) return;
  successor_->abandon();
  fail(started.error(), callback);
}

void UpgradeCoordinator::abandon() {
  if (!successor_ || !successor_->is_starting()) return;
  successor_->abandon();
  parts_.control.end_standby();
}

void UpgradeCoordinator::report_totals() {
  if (successor_ && successor_->is_ready()) successor_->report_totals(parts_.totals());
}

void UpgradeCoordinator::report_last_totals() {
  if (successor_ && successor_->is_ready()) successor_->report_last_totals(parts_.totals());
}

Result<> UpgradeCoordinator::may_upgrade() const {
  if (!parts_.ledger.is_shared()) return Done{};
  return Failure{std::string(
      "the previous upgrade is not finished: the old process still has clients, or hooks that "
      "run")};
}

std::vector<handover::NodeHealth> UpgradeCoordinator::node_health() const {
  std::vector<handover::NodeHealth> nodes;
  for (const balancer::PoolView& pool : parts_.control.topology()->pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      nodes.push_back({view.node->key(), to_string(view.address), view.node->health()});
    }
  }
  return nodes;
}

void UpgradeCoordinator::on_upgraded(const std::string& by, const admin::ChangeCallback& callback) {
  const admin::ChangeResult result = admin::UpgradeResult{successor_->pid()};
  parts_.events.add("upgrade", "", admin::to_text(result) + (by.empty() ? "" : ", by " + by));
  // Before anybody learns of the new process: it lacks what was counted since `go`.
  report_totals();
  callback(result);
  report_timer_.arm(kReportInterval);
  events_.on_taken_over();
}

void UpgradeCoordinator::fail(const std::string& why, const admin::ChangeCallback& callback) {
  parts_.control.end_standby();
  parts_.events.error("", "the upgrade failed: " + why);
  callback(admin::fail(admin::ErrorCode::failed,
                       "the upgrade failed: " + why + "; this process keeps running"));
}

void UpgradeCoordinator::apply_routing_state(std::uint64_t number,
                                             const handover::RoutingState& routing_state) {
  Result<admin::NodeRecords> records = parts_.store.load();
  Result<conf::Loaded> config = load_pools(routing_state.config, parts_.config_path);
  if (!records) return on_apply_failed(number, records.error());
  const Result<> revocations = parts_.passes.load();
  if (!revocations) return on_apply_failed(number, revocations.error());
  if (!config) {
    spdlog::warn("cannot read the config of the new process: {}", config.error());
  } else {
    // This process goes on with its own, whose certificates it has read.
    config->config.listeners = parts_.control.config().listeners;
  }
  const Result<> followed = parts_.control.apply_routing_state(
      config ? std::optional(std::move(config->config)) : std::nullopt, std::move(*records),
      {nodes_in(routing_state.shut), nodes_in(routing_state.opening), nodes_in(routing_state.held)},
      [this, number, request_kind = successor_->pid()] {
        if (successor_->pid() == request_kind) successor_->followed(number);
      });
  if (!followed) return on_apply_failed(number, followed.error());
  last_apply_error_.clear();
}

/// The new process retries soon, so the same error is logged only once.
void UpgradeCoordinator::on_apply_failed(std::uint64_t number, const std::string& why) {
  if (last_apply_error_ != why) spdlog::error("cannot apply the state of the new process: {}", why);
  last_apply_error_ = why;
  successor_->not_followed(number);
}

/// No process makes decisions any more: the state directory must soon be free for the next start.
void UpgradeCoordinator::on_successor_exited() {
  spdlog::error("the new process {} exited after it had taken over", successor_->pid());
  events_.on_successor_lost();
}

}  // namespace bonedry::proxy
