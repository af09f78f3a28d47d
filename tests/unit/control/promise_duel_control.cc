// Commands of operators, steps of workers, time; and the comparison with the model.

#include "tests/unit/control/node_literal.h"
#include "tests/unit/control/promise_duel.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace bonedry::admin::test {

using balancer::NodeState;
using std::chrono::seconds;

// -- The operator ---------------------------------------------------------------------------------

void PromiseModelRun::act_as_operator() {
  const std::int64_t dice = pick(0, 99);
  if (dice < 80) return command(chance(20) ? Writes::fail : Writes::as_they_are);
  if (dice < 88) return wait();
  if (dice < 94) return flip_disk();
  flip_health();
}

/// Some commands cannot be written to the disk, although later changes can.
void PromiseModelRun::command(Writes writes) {
  const bool fails = !proxy_.disk_is_broken() && writes == Writes::fail;
  if (fails) proxy_.break_disk();
  if (fails) note("nothing can be written for a moment");
  const std::int64_t dice = pick(0, 79);
  if (dice < 20) {
    bleed();
  } else if (dice < 25) {
    bleed_from_maintenance();
  } else if (dice < 40) {
    maintain();
  } else if (dice < 70) {
    activate();
  } else {
    reload();
  }
  if (fails) proxy_.mend_disk();
}

admin::ChangeCallback PromiseModelRun::note_answer(const Answered& answered) {
  return [this, answered](const Result<ChangeResult, CommandError>& result) {
    if (answered->has_value()) complain("a command is answered twice");
    *answered = result.has_value();
  };
}

/// A command is refused at once, or answered when all workers have acknowledged it.
void PromiseModelRun::expect(plain::Did did, const Answered& answered, const std::string& what) {
  const bool at_once = answered->has_value();
  switch (did) {
    case plain::Did::changed:
      count(what);
      if (at_once) complain(**answered ? "it is answered too early" : "it is refused");
      unanswered_[proxy_.fleet->published] = answered;
      return;
    case plain::Did::refused:
      count(what + " refused");
      if (!at_once || **answered) complain("it is not refused");
      return;
    case plain::Did::nothing:
      if (!at_once || !**answered) complain("it is not answered at once");
  }
}

void PromiseModelRun::flip_disk() {
  if (!proxy_.disk_is_broken()) {
    note("the disk is full");
    count("disk full");
    return proxy_.break_disk();
  }
  note("the disk has room again");
  proxy_.mend_disk();
  pass(seconds{2});  // failed writes are retried by then
}

template <class Command>
plain::Did PromiseModelRun::try_on(Command command) {
  if (!proxy_.disk_is_broken()) return command(model_);
  plain::Model as_if = model_;
  const plain::Did did = command(as_if);
  if (did != plain::Did::changed) return did;
  count("refused by the disk");
  return plain::Did::refused;
}

void PromiseModelRun::bleed() {
  const std::string key = any_node();
  BleedRequest request;
  request.force = chance(20) ? Force::yes : Force::no;
  std::optional<Instant> deadline;
  if (chance(40) && plain::pool_of(key) != "spare") {
    request.deadline = seconds{pick(0, 180)};
    deadline = now() + *request.deadline;
    count("deadline");
  }
  note("bleed " + key + (deadline ? " with a deadline" : ""));
  const std::uint64_t version = next_version();
  const auto answered = std::make_shared<std::optional<bool>>();
  proxy_.control->bleed(node_id(key), request, note_answer(answered));
  const plain::Did did = try_on([&](plain::Model& model) {
    return model.bleed(key, deadline, request.force == Force::yes, version);
  });
  expect(did, answered, "bleed");
  update_plans(version - 1);
}

/// As HAProxy's tools do it.
void PromiseModelRun::bleed_from_maintenance() {
  const std::string key = any_node();
  if (model_.nodes.at(key).state != balancer::NodeState::maintenance) return bleed();
  note("bleed " + key + " from maintenance");
  const std::uint64_t version = next_version();
  const auto answered = std::make_shared<std::optional<bool>>();
  BleedRequest request;
  request.from_maintenance = FromMaintenance::bleed;
  proxy_.control->bleed(node_id(key), request, note_answer(answered));
  const plain::Did did =
      try_on([&](plain::Model& model) { return model.bleed_from_maintenance(key, version); });
  expect(did, answered, "bleed from maintenance");
  update_plans(version - 1);
}

void PromiseModelRun::maintain() {
  const std::string key = any_node();
  const bool insists = chance(25);
  note("maintain " + key + (insists ? " by force" : ""));
  const std::uint64_t version = next_version();
  const auto answered = std::make_shared<std::optional<bool>>();
  proxy_.control->maintain(node_id(key), insists ? Force::yes : Force::no, {"root"},
                           note_answer(answered));
  const bool dry = model_.nodes.at(key).dry;
  const plain::Did did =
      try_on([&](plain::Model& model) { return model.maintain(key, insists, version); });
  if (did == plain::Did::changed && !dry) to_displace_[version].push_back(key);
  expect(did, answered, insists ? "maintain by force" : "maintain");
  update_plans(version - 1);
}

void PromiseModelRun::activate() {
  const std::string key = any_node();
  note("activate " + key);
  const std::uint64_t version = next_version();
  const auto answered = std::make_shared<std::optional<bool>>();
  proxy_.control->activate(node_id(key), {"root"}, note_answer(answered));
  const plain::Did did = try_on([&](plain::Model& model) { return model.activate(key, version); });
  expect(did, answered, "activate");
  update_plans(version - 1);
}

void PromiseModelRun::reload() {
  const bool valid = chance(80);
  note(valid ? "reload" : "reload of an invalid file");
  const conf::Config before = proxy_.config;
  if (valid) change_config();
  proxy_.load_error = valid ? "" : "line 7: it is not in order";
  const std::uint64_t version = next_version();
  const auto answered = std::make_shared<std::optional<bool>>();
  proxy_.control->reload(Force::yes, "root", note_answer(answered));
  proxy_.load_error.clear();
  const bool good = valid && !proxy_.disk_is_broken();
  if (good) model_.configure(proxy_.config, version);
  if (!good) proxy_.config = before;
  expect(good ? plain::Did::changed : plain::Did::refused, answered, "reload");
  update_plans(version - 1);
}

/// Changes one thing at a time, as operators do.
void PromiseModelRun::change_config() {
  auto& pools = proxy_.config.pools;
  conf::Pool& shop = pools.front();
  const std::int64_t dice = pick(0, 9);
  if (dice < 2) {
    const std::array<std::int64_t, 3> idles{40'050, 60'050, 120'050};
    conf::Session& rules = pools[static_cast<std::size_t>(pick(0, 1))].session;
    rules.idle_timeout = Millis{any_of(idles)};
    rules.pending_timeout = Millis{any_of(idles)};
    note("other session times");
    count("other session times");
  } else if (dice < 4) {
    any_of(shop.nodes).weight = static_cast<unsigned>(pick(0, 3)) * 50;
    count("other weight");
  } else if (dice < 6) {
    add_or_remove_pool();
  } else {
    add_or_remove_node(shop);
  }
}

/// Adds or removes a pool without a listener, so no request reaches it: other pools can be removed
/// only by a restart.
void PromiseModelRun::add_or_remove_pool() {
  auto& pools = proxy_.config.pools;
  if (pools.back().name == "spare") {
    pools.pop_back();
    return count("pool removed");
  }
  conf::Pool& spare = pools.emplace_back();
  spare.name = "spare";
  spare.health.active = true;
  spare.nodes.push_back({"eve", {"127.0.0.1", 9500}, 100, 0});
  spare.nodes.push_back({"frank", {"127.0.0.1", 9501}, 100, 0});
  count("pool added");
}

void PromiseModelRun::add_or_remove_node(conf::Pool& shop) {
  const std::array<std::string, 4> names{"alice", "bob", "carol", "dave"};
  const std::string name = any_of(names);
  const auto there = std::ranges::find(shop.nodes, name, &conf::Node::name);
  if (there == shop.nodes.end()) {
    note("with " + name);
    shop.nodes.push_back({name, {"127.0.0.1", 9600}, 100, 0});
    count("node added");
  } else if (shop.nodes.size() > 2) {
    note("without " + name);
    shop.nodes.erase(there);
    count("node removed");
  }
}

void PromiseModelRun::wait() {
  const std::string key = any_node();
  note("wait for " + key);
  proxy_.control->wait(node_id(key), admin::Awaited::dry,
                       chance(50) ? std::optional<Millis>(seconds{30}) : std::nullopt,
                       [this, key](WaitEnd end) { ended_waits_.emplace_back(key, end); });
  count("wait");
}

void PromiseModelRun::flip_health() {
  const std::string key = any_node();
  plain::Node& node = model_.nodes.at(key);
  node.down = !node.down && chance(40);
  node.measured = true;
  proxy_.set_health(key, node.down ? balancer::Health::down : balancer::Health::up);
  note(key + (node.down ? " breaks down" : " is up"));
  if (node.down) count("node down");
}

// -- Workers and time -----------------------------------------------------------------------------

void PromiseModelRun::take(std::size_t worker) {
  if (busy_with(worker) != nullptr || !proxy_.fleet->take(worker)) return;
  note("worker " + std::to_string(worker) + " takes over a topology");
  count("topology taken over");
}

bool PromiseModelRun::deliver() {
  const std::uint64_t before = proxy_.fleet->published;
  const std::uint64_t version = proxy_.fleet->delivered + 1;
  if (!proxy_.fleet->deliver()) return false;
  note("acknowledged: version " + std::to_string(version));
  const std::vector<std::string> to_displace = std::exchange(to_displace_[version], {});
  to_displace_.erase(version);
  if (proxy_.fleet->published > before) {  // the command is done when the doors are open, see below
    auto& later = to_displace_[before + 1];
    later.insert(later.end(), to_displace.begin(), to_displace.end());
  } else {
    for (const std::string& key : to_displace) model_.displace(key);
  }
  if (const auto command = unanswered_.find(version); command != unanswered_.end()) {
    const Answered answered = command->second;
    unanswered_.erase(command);
    if (answered->has_value()) {
      if (!**answered) count("overtaken by another command");
    } else if (proxy_.fleet->published > before) {
      unanswered_[before + 1] = answered;  // when the doors that all workers know are open
      count("door opened when all know it");
    } else {
      complain("a command is not answered");
    }
  }
  update_plans(before);
  return true;
}

void PromiseModelRun::pass(Millis by) {
  proxy_.clock.advance(by);
  std::uint64_t version = proxy_.fleet->published;
  const std::vector<std::string> due =
      proxy_.disk_is_broken() ? std::vector<std::string>{} : model_.due(now());
  proxy_.control->tick();
  seen_ = now();
  model_.expire(now());
  for (const std::string& key : due) {
    note("the deadline of " + key + " passes");
    ++version;
    model_.shut_by_deadline(key, version);
    to_displace_[version].push_back(key);
    plans_[version] = model_.plan(version);
    count("deadline passed");
  }
  model_.displace_late_sessions(proxy_.fleet->delivered);
  update_plans(version);
}

// -- The current state ----------------------------------------------------------------------------

/// Stores the model's plan for versions later than `from`, after handling nodes that became dry.
void PromiseModelRun::update_plans(std::uint64_t from) {
  const Result<Status, CommandError> status = proxy_.control->status(std::nullopt);
  std::set<std::string> there;
  for (const PoolStatus& pool : status->pools) {
    for (const NodeStatus& one : pool.nodes) {
      const std::string key = one.pool + "/" + one.name;
      there.insert(key);
      if (one.dry) note_dry(key);
    }
  }
  for (const auto& [key, end] : std::exchange(ended_waits_, {})) {
    if (end == WaitEnd::dry && !model_.nodes.at(key).dry)
      complain("a wait ends: " + key + " is dry");
  }
  const std::uint64_t published = proxy_.fleet->published;
  for (std::uint64_t version = from + 1; version <= published; ++version) {
    plans_[version] = model_.plan(version);
  }
  bool dropped = false;
  for (const auto& [key, node] : model_.nodes) {
    if (!model_.present(key) || node.configured || !node.dry || there.contains(key)) continue;
    model_.drop(key);
    note(key + " is gone");
    count("removed node gone");
    dropped = true;
  }
  if (dropped) plans_[published] = model_.plan(published);
}

void PromiseModelRun::note_dry(const std::string& key) {
  const auto node = model_.nodes.find(key);
  if (node == model_.nodes.end() || node->second.dry) return;
  const std::string why = why_not_dry(key);
  if (!why.empty()) complain(key + " is said to be dry: " + why);
  node->second.dry = true;
  note(key + " is dry");
  count("dry");
}

std::string PromiseModelRun::why_not_dry(const std::string& key) const {
  const plain::Node& node = model_.nodes.at(key);
  if (node.state == NodeState::active) return "it is active";
  if (node.changed > proxy_.fleet->delivered) return "not all workers have heard of it";
  for (const auto& request : requests_) {
    const bool chosen = request->stage != Stage::arrived && request->node == key;
    if (chosen || request->open_on == key) return "an exchange is on it";
  }
  // After damage, users who may come back belong to lost sessions, which `somebody_on` counts.
  const bool some_may_come =
      !model_.in_doubt(now()) && model_.incomplete(key, now()) && !model_.lost_are_over(key);
  if (!node.shut() && some_may_come) return "the ledger is incomplete";
  return model_.somebody_on(key);
}

std::string PromiseModelRun::compare() const {
  const Result<Status, CommandError> status = proxy_.control->status(std::nullopt);
  std::size_t nodes = 0;
  for (const PoolStatus& pool : status->pools) {
    for (const NodeStatus& one : pool.nodes) {
      ++nodes;
      const std::string difference = compare(one);
      if (!difference.empty()) return one.name + " " + difference;
    }
  }
  const auto should = std::ranges::count_if(
      model_.nodes, [this](const auto& one) { return model_.present(one.first); });
  return nodes == static_cast<std::size_t>(should) ? "" : "a node is missing";
}

std::string PromiseModelRun::compare(const NodeStatus& status) const {
  const std::string key = status.pool + "/" + status.name;
  const auto found = model_.nodes.find(key);
  if (found == model_.nodes.end() || found->second.gone) return "should be gone";
  const plain::Node& node = found->second;
  if (status.state != node.state) return std::string("is ") + balancer::to_string(status.state);
  if (status.dry != node.dry) return status.dry ? "is dry" : "is not dry any more";
  if (status.removed == node.configured) return "is wrong about being in the config";
  // Dates follow the wall clock when it is set, but perhaps only at the next tick.
  const bool has_deadline = status.bleeding && status.bleeding->deadline;
  if (has_deadline != node.deadline.has_value()) return "has another deadline";
  const std::string figures =
      std::to_string(status.live) + " live, " + std::to_string(status.pending) + " pending";
  const std::string should = model_.figures(key);
  if (figures != should) return "has " + figures + ", should have " + should;
  const auto testers =
      std::ranges::count_if(testers_, [&key](const auto& one) { return one->key() == key; });
  if (status.passes.open != testers) {
    return "has " + std::to_string(status.passes.open) + " testers, should have " +
           std::to_string(testers);
  }
  const auto open =
      std::ranges::count_if(requests_, [&key](const auto& one) { return one->open_on == key; });
  if (status.exchanges_open == open) return "";
  return "has " + std::to_string(status.exchanges_open) + " exchanges, should have " +
         std::to_string(open);
}

/// All workers acknowledge everything that follows: a deadline or a dry node leads to the next
/// topology, and that to another.
void PromiseModelRun::settle() {
  for (int round = 0; round < 4; ++round) {
    for (std::size_t worker = 0; worker < proxy_.fleet->workers.size(); ++worker) {
      while (proxy_.fleet->take(worker)) continue;
    }
    while (deliver()) continue;
    pass(Millis{100});
  }
}

bool PromiseModelRun::may_be_incomplete(const std::string& key) const {
  const conf::Session& rules = model_.pools.at(plain::pool_of(key)).session;
  const Millis longest = std::max(rules.idle_timeout, rules.pending_timeout);
  const bool damaged = model_.damaged_at.ms != 0 && now() < model_.damaged_at + longest;
  return model_.incomplete(key, now()) || damaged || model_.in_doubt(now());
}

std::string PromiseModelRun::calm_down() {
  note("all calms down");
  if (proxy_.disk_is_broken()) flip_disk();
  close_all_requests();
  settle();
  std::vector<std::string> empty;
  for (const auto& [key, node] : model_.nodes) {
    const bool waits = model_.present(key) && node.state != NodeState::active && !node.dry;
    if (!waits || (!node.shut() && may_be_incomplete(key))) continue;
    if (why_not_dry(key).empty()) empty.push_back(key);
  }
  settle();
  for (std::size_t worker = 0; worker < proxy_.fleet->workers.size(); ++worker) {
    for (const std::string& key : opening_at(worker)) complain(key + " is still not open");
  }
  for (const std::string& key : empty) {
    if (model_.present(key) && !model_.nodes.at(key).dry) complain(key + " is not said to be dry");
  }
  return outcome();
}

}  // namespace bonedry::admin::test
