#include "admin/roll/rolls.h"

#include "admin/command_table.h"
#include "admin/phrases.h"
#include "proxy/base/duration.h"

#include <algorithm>
#include <vector>

namespace bonedry::admin {
namespace {

bool is_done(const Roll& roll) {
  return std::ranges::all_of(roll.nodes,
                             [](const RolledNode& node) { return node.step == RollStep::done; });
}

/// Nodes that have left the config are no longer part of the roll.
void forget_removed(Roll& roll, const PoolStatus& pool) {
  std::erase_if(roll.nodes, [&pool](const RolledNode& node) {
    const auto found = std::ranges::find(pool.nodes, node.name, &NodeStatus::name);
    return found == pool.nodes.end() || found->removed;
  });
}

Failure<CommandError> ended(std::string_view pool) {
  return fail(ErrorCode::conflict, "this roll of " + std::string(pool) + " has ended");
}

/// Empty: the unfinished roll and the one asked for are the same.
std::string difference(const RollPlan& unfinished, const RollPlan& asked) {
  if (unfinished.command != asked.command) return "runs '" + unfinished.command + "'";
  if (unfinished.test != asked.test) {
    return unfinished.test.empty() ? "has no test" : "tests with '" + unfinished.test + "'";
  }
  if (unfinished.only == asked.only) return "";
  return unfinished.only.empty() ? "is for all nodes" : "is for " + joined(unfinished.only);
}

}  // namespace

std::optional<CommandError> Rolls::refusal() const {
  switch (role_()) {
    case Role::deciding:
      return std::nullopt;
    case Role::standby:
      return CommandError{ErrorCode::unavailable, std::string(kTakenOver)};
    case Role::stopping:
      return CommandError{ErrorCode::unavailable, std::string(kStopping)};
  }
  return std::nullopt;
}

void Rolls::adopt(RollMap rolls) {
  rolls_ = std::move(rolls);
  started_ = clock_.now();
}

Result<Rolls::HoldId, CommandError> Rolls::hold(const PoolStatus& pool, const Request& request,
                                                std::function<void(const CommandError&)> on_lost) {
  if (auto refused = refusal()) return Failure{*std::move(refused)};
  if (auto stored = finish_if_done(pool); !stored) return Failure{stored.error()};
  const Roll* const last = find(pool.name);
  const bool unfinished = last != nullptr && last->state == RollState::unfinished;
  if (!unfinished && request.mode == Request::Mode::resume) return ended(pool.name);
  auto roll = unfinished ? resume(*last, pool, request) : begin(pool, request);
  if (!roll) return Failure{roll.error()};
  roll->holder = RollHolder{request.token, request.by, clock_.wall()};
  if (const auto stored = store(*roll); !stored) return Failure{stored.error()};
  end_holdings(pool.name, {ErrorCode::conflict, "this roll is held by another connection now"});
  holdings_.emplace(next_, Holding{pool.name, std::move(on_lost)});
  events_.add("roll", "",
              "roll of " + pool.name + (unfinished ? " goes on, " : " begins, ") +
                  progress_text(*roll) + who(request.by, "") + ": " + roll->plan.command,
              {request.by});
  return next_++;
}

/// Nodes that are no longer in the config may have been all that were missing.
Result<Done, CommandError> Rolls::finish_if_done(const PoolStatus& pool) {
  const Roll* const last = find(pool.name);
  if (last == nullptr || last->state != RollState::unfinished) return Done{};
  Roll next = *last;
  forget_removed(next, pool);
  if (!is_done(next)) return Done{};
  next.state = RollState::finished;
  next.holder.reset();
  return store(next);
}

Result<Roll, CommandError> Rolls::begin(const PoolStatus& pool, const Request& request) const {
  Roll roll{pool.name, RollState::unfinished, request.by, clock_.wall(), request.plan, {}, {}};
  const std::vector<std::string>& only = request.plan.only;
  for (const std::string& name : only) {
    const auto found = std::ranges::find(pool.nodes, name, &NodeStatus::name);
    if (found == pool.nodes.end() || found->removed) {
      return fail(ErrorCode::not_found, "pool " + pool.name + " has no node '" + name + "'");
    }
  }
  for (const NodeStatus& node : pool.nodes) {
    const bool named = std::ranges::find(only, node.name) != only.end();
    if (node.removed || (!only.empty() && !named)) continue;
    if (node.state == balancer::NodeState::maintenance && !named) {
      return fail(ErrorCode::conflict, pool.name + "/" + node.name +
                                           " is in maintenance: activate it first, or name the "
                                           "nodes to roll with --only");
    }
    roll.nodes.push_back({node.name, RollStep::waiting});
  }
  if (roll.nodes.empty()) return fail(ErrorCode::conflict, "pool " + pool.name + " has no nodes");
  return roll;
}

Result<Roll, CommandError> Rolls::resume(const Roll& roll, const PoolStatus& pool,
                                         const Request& request) const {
  if (is_held_by_another(roll, request.token)) {
    return fail(ErrorCode::conflict, holder_text(roll));
  }
  const std::string differs = difference(roll.plan, request.plan);
  if (!differs.empty()) {
    return fail(ErrorCode::conflict, "the unfinished roll of " + roll.pool + " by " + roll.by +
                                         " (" + progress_text(roll) + ") " + differs +
                                         "; run that again, or end it with 'bonedryctl roll " +
                                         roll.pool + " --abandon'");
  }
  Roll next = roll;
  next.plan = request.plan;
  forget_removed(next, pool);
  return next;
}

bool Rolls::is_held_by_another(const Roll& roll, std::string_view token) const {
  if (!roll.holder || roll.holder->token == token) return false;
  const bool connected = std::ranges::any_of(
      holdings_, [&roll](const auto& entry) { return entry.second.pool == roll.pool; });
  return connected || clock_.now() - started_ < kHolderReturns;
}

std::string Rolls::holder_text(const Roll& roll) const {
  const Millis age = std::max(clock_.wall() - roll.holder->since, Millis{0});
  return roll.pool + " is being rolled by " + roll.holder->by + " for " + format_duration(age) +
         " (" + progress_text(roll) + ")";
}

void Rolls::release(HoldId id) {
  const auto holding = holdings_.find(id);
  if (holding == holdings_.end()) return;
  const std::string pool = holding->second.pool;
  holdings_.erase(holding);
  if (role_() != Role::deciding) return;  // the next process waits for the holder
  Roll roll = rolls_.at(pool);
  const std::string by = roll.holder ? roll.holder->by : "";
  roll.holder.reset();
  if (const auto stored = store(roll); !stored) rolls_[pool].holder.reset();
  if (roll.state != RollState::unfinished) return;
  events_.add("roll", "",
              "roll of " + pool + " stops, " + progress_text(roll) + who(by, "") +
                  "; the same command goes on",
              {by});
}

Result<Done, CommandError> Rolls::note(std::string_view pool, std::string_view token,
                                       const RolledNode& report) {
  if (auto refused = refusal()) return Failure{*std::move(refused)};
  const Roll* const roll = find(pool);
  if (roll == nullptr || !roll->holder || roll->holder->token != token) {
    return ended(pool);
  }
  Roll next = *roll;
  const auto node = std::ranges::find(next.nodes, report.name, &RolledNode::name);
  if (node == next.nodes.end()) {
    return fail(ErrorCode::not_found, "the roll has no node '" + report.name + "'");
  }
  if (*node == report) return Done{};
  *node = report;
  const bool finished = is_done(next);
  if (finished) next.state = RollState::finished;
  if (auto stored = store(next); !stored) return stored;
  const std::string key = next.pool + "/" + report.name;
  if (!report.failure.empty()) {
    events_.warn("roll", key + " failed (" + to_string(report.step) + "): " + report.failure);
  } else if (report.step == RollStep::done) {
    events_.add("roll", key, "rolled, " + progress_text(next));
  }
  if (finished) events_.add("roll", "", "roll of " + next.pool + " is finished");
  return Done{};
}

Result<Done, CommandError> Rolls::abandon(std::string_view pool, const std::string& by) {
  if (auto refused = refusal()) return Failure{*std::move(refused)};
  const Roll* const roll = find(pool);
  if (roll == nullptr || roll->state != RollState::unfinished) {
    return fail(ErrorCode::conflict, "no roll of " + std::string(pool) + " is unfinished");
  }
  Roll next = *roll;
  next.state = RollState::abandoned;
  next.holder.reset();
  if (auto stored = store(next); !stored) return stored;
  events_.add("roll", "",
              "roll of " + next.pool + " is abandoned, " + progress_text(next) + who(by, ""), {by});
  end_holdings(pool, {ErrorCode::conflict, "the roll was abandoned by " + by});
  return Done{};
}

const Roll* Rolls::find(std::string_view pool) const {
  const auto found = rolls_.find(pool);
  return found == rolls_.end() ? nullptr : &found->second;
}

const Roll* Rolls::find(HoldId id) const {
  const auto found = holdings_.find(id);
  return found == holdings_.end() ? nullptr : find(found->second.pool);
}

Result<Done, CommandError> Rolls::store(const Roll& roll) {
  RollMap next = rolls_;
  next[roll.pool] = roll;
  const Result<> saved = store_.save(next);
  if (!saved) return fail(ErrorCode::storage_failed, saved.error() + "; no change was made");
  rolls_ = std::move(next);
  return Done{};
}

void Rolls::end_holdings(std::string_view pool, const CommandError& why) {
  std::vector<std::function<void(const CommandError&)>> lost;
  for (auto holding = holdings_.begin(); holding != holdings_.end();) {
    if (holding->second.pool != pool) {
      ++holding;
      continue;
    }
    lost.push_back(std::move(holding->second.on_lost));
    holding = holdings_.erase(holding);
  }
  for (const auto& on_lost : lost) on_lost(why);
}

}  // namespace bonedry::admin
