#include "admin/forecaster.h"

#include "session/forecast.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {
namespace {

using balancer::NodeState;
using session::Survey;

/// Pause between two surveys: people who read forecasts need none fresher.
constexpr Millis kSurveyPause = std::chrono::seconds{1};
/// Forecasts made in one tick; each takes a few milliseconds.
constexpr int kForecasts = 4;

bool is_draining(const balancer::NodeView& view) {
  return view.state != NodeState::active && view.node->sessions().read().all() > 0;
}

std::vector<balancer::NodeId> draining_nodes(const balancer::Topology& topology) {
  std::vector<balancer::NodeId> left;
  for (const balancer::PoolView& pool : topology.pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      if (is_draining(view)) left.push_back(view.node->id());
    }
  }
  return left;
}

}  // namespace

void Forecaster::tick(const balancer::Topology& topology) {
  const std::vector<balancer::NodeId> wanted = draining_nodes(topology);
  std::erase_if(forecasts_, [&wanted](const auto& known) {
    return std::ranges::find(wanted, known.first) == wanted.end();
  });
  if (wanted.empty()) return survey_.reset();
  if (!survey_ && due(wanted)) begin(topology);
  if (survey_) go_on();
}

/// A node that has not been surveyed yet does not wait for the pause to end.
bool Forecaster::due(const std::vector<balancer::NodeId>& wanted) const {
  return clock_.now() >= next_survey_ ||
         std::ranges::any_of(wanted, [this](const auto& id) { return !forecasts_.contains(id); });
}

void Forecaster::begin(const balancer::Topology& topology) {
  Survey::Groups groups;
  std::size_t count = 0;
  targets_.clear();
  for (const balancer::PoolView& pool : topology.pools) {
    if (std::ranges::any_of(pool.nodes, is_draining)) add(pool, groups, count);
  }
  survey_.emplace(std::move(groups), count, clock_.now());
}

void Forecaster::add(const balancer::PoolView& pool, Survey::Groups& groups, std::size_t& count) {
  const conf::Session& config = pool.config.session;
  ForecastTarget target;
  target.pool_group = count++;
  target.times = {config.idle_timeout, config.pending_timeout, config.max_lifetime};
  for (const balancer::NodeView& view : pool.nodes) target.pool.push_back(view.slot);
  for (const balancer::NodeView& view : pool.nodes) {
    groups[view.slot].push_back(target.pool_group);
    if (!is_draining(view)) continue;
    target.id = view.node->id();
    target.group = count++;
    groups[view.slot].push_back(target.group);
    targets_.push_back(target);
  }
}

void Forecaster::go_on() {
  if (survey_->step(ledger_) == Survey::Progress::more) return;
  for (int i = 0; i < kForecasts && !targets_.empty(); ++i) {
    conclude(targets_.back());
    targets_.pop_back();
  }
  if (!targets_.empty()) return;
  survey_.reset();
  next_survey_ = clock_.now() + kSurveyPause;
}

void Forecaster::conclude(const ForecastTarget& target) {
  const session::SessionSummary& seen = survey_->group(target.group);
  session::StayHistogram left;
  for (const session::NodeSlot slot : target.pool) left.add(ledger_.stays(slot));
  const session::UserModel users(survey_->group(target.pool_group), left, target.times);
  NodeForecast& forecast = forecasts_[target.id];
  forecast = {survey_->at(), {}, seen.pending_until};
  forecast.empty_in = session::forecast(seen, users, target.times, survey_->at());
}

const Forecaster::NodeForecast* Forecaster::of(const balancer::NodeId& id) const {
  const auto found = forecasts_.find(id);
  return found == forecasts_.end() ? nullptr : &found->second;
}

}  // namespace bonedry::admin
