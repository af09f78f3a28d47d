#include "admin/forecaster.h"

#include <algorithm>

namespace bonedry::admin {
namespace {

using balancer::NodeState;

/// From the end of one survey to the next: what people read need not be fresher.
constexpr Millis kPause = std::chrono::seconds{1};

bool is_left(const balancer::NodeView& view) {
  return view.state != NodeState::active && view.node->sessions().read().all() > 0;
}

std::vector<std::string> nodes_left(const balancer::Topology& topology) {
  std::vector<std::string> keys;
  for (const balancer::PoolView& pool : topology.pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      if (is_left(view)) keys.push_back(view.node->key());
    }
  }
  return keys;
}

}  // namespace

void Forecaster::tick(const balancer::Topology& topology) {
  const std::vector<std::string> wanted = nodes_left(topology);
  std::erase_if(outlooks_, [&wanted](const auto& known) {
    return std::ranges::find(wanted, known.first) == wanted.end();
  });
  if (wanted.empty()) return survey_.reset();
  if (!survey_ && due(wanted)) begin(topology);
  if (survey_ && survey_->step(ledger_) == session::Survey::Progress::done) conclude();
}

/// A node that nobody has looked at yet need not wait.
bool Forecaster::due(const std::vector<std::string>& wanted) const {
  return clock_.now() >= next_survey_ ||
         std::ranges::any_of(wanted, [this](const auto& key) { return !outlooks_.contains(key); });
}

void Forecaster::begin(const balancer::Topology& topology) {
  session::Survey::Groups groups;
  surveyed_.clear();
  for (const balancer::PoolView& pool : topology.pools) {
    for (const balancer::NodeView& view : pool.nodes) {
      if (!is_left(view)) continue;
      groups[view.slot] = {surveyed_.size()};
      surveyed_.emplace(view.node->key(), surveyed_.size());
    }
  }
  survey_.emplace(std::move(groups), surveyed_.size(), clock_.now());
}

void Forecaster::conclude() {
  for (const auto& [key, group] : surveyed_) {
    outlooks_[key] = {survey_->group(group).pending_until};
  }
  survey_.reset();
  next_survey_ = clock_.now() + kPause;
}

const Forecaster::Outlook* Forecaster::of(const std::string& key) const {
  const auto found = outlooks_.find(key);
  return found == outlooks_.end() ? nullptr : &found->second;
}

}  // namespace bonedry::admin
