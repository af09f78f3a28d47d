#include "admin/forecaster.h"

#include "session/forecast.h"

#include <algorithm>
#include <utility>

namespace bonedry::admin {
namespace {

using balancer::NodeState;
using session::Survey;

/// From the end of one survey to the next: what people read need not be fresher.
constexpr Millis kPause = std::chrono::seconds{1};
/// Forecasts made in one tick; each takes a few milliseconds.
constexpr int kForecasts = 4;

bool is_left(const balancer::NodeView& view) {
  return view.state != NodeState::active && view.node->sessions().read().all() > 0;
}

std::vector<balancer::NodeId> nodes_left(const balancer::Topology& topology) {
  std::vector<balancer::NodeId> left;
  for (const balancer::PoolView& pool : topology.pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      if (is_left(view)) left.push_back(view.node->id());
    }
  }
  return left;
}

}  // namespace

void Forecaster::tick(const balancer::Topology& topology) {
  const std::vector<balancer::NodeId> wanted = nodes_left(topology);
  std::erase_if(outlooks_, [&wanted](const auto& known) {
    return std::ranges::find(wanted, known.first) == wanted.end();
  });
  if (wanted.empty()) return survey_.reset();
  if (!survey_ && due(wanted)) begin(topology);
  if (survey_) go_on();
}

/// A node that nobody has looked at yet need not wait.
bool Forecaster::due(const std::vector<balancer::NodeId>& wanted) const {
  return clock_.now() >= next_survey_ ||
         std::ranges::any_of(wanted, [this](const auto& id) { return !outlooks_.contains(id); });
}

void Forecaster::begin(const balancer::Topology& topology) {
  Survey::Groups groups;
  std::size_t count = 0;
  subjects_.clear();
  for (const balancer::PoolView& pool : topology.pools) {
    if (std::ranges::any_of(pool.nodes, is_left)) add(pool, groups, count);
  }
  survey_.emplace(std::move(groups), count, clock_.now());
}

void Forecaster::add(const balancer::PoolView& pool, Survey::Groups& groups, std::size_t& count) {
  const conf::Session& config = pool.config.session;
  ForecastTarget subject;
  subject.pool_group = count++;
  subject.times = {config.idle_timeout, config.pending_timeout, config.max_lifetime};
  for (const balancer::NodeView& view : pool.nodes) subject.pool.push_back(view.slot);
  for (const balancer::NodeView& view : pool.nodes) {
    groups[view.slot].push_back(subject.pool_group);
    if (!is_left(view)) continue;
    subject.id = view.node->id();
    subject.group = count++;
    groups[view.slot].push_back(subject.group);
    subjects_.push_back(subject);
  }
}

void Forecaster::go_on() {
  if (survey_->step(ledger_) == Survey::Progress::more) return;
  for (int i = 0; i < kForecasts && !subjects_.empty(); ++i) {
    conclude(subjects_.back());
    subjects_.pop_back();
  }
  if (!subjects_.empty()) return;
  survey_.reset();
  next_survey_ = clock_.now() + kPause;
}

void Forecaster::conclude(const ForecastTarget& subject) {
  const session::SessionSummary& seen = survey_->group(subject.group);
  session::StayHistogram left;
  for (const session::NodeSlot slot : subject.pool) left.add(ledger_.stays(slot));
  const session::UserModel users(survey_->group(subject.pool_group), left, subject.times);
  NodeForecast& forecast = outlooks_[subject.id];
  forecast = {survey_->at(), {}, seen.pending_until};
  if (const auto told = session::forecast(seen, users, subject.times, survey_->at())) {
    forecast.empty_in = DryForecast{told->likely, told->low, told->high};
  }
}

const Forecaster::NodeForecast* Forecaster::of(const balancer::NodeId& id) const {
  const auto found = outlooks_.find(id);
  return found == outlooks_.end() ? nullptr : &found->second;
}

}  // namespace bonedry::admin
