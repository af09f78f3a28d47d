#include "admin/roll/roll_store.h"

#include "proxy/base/file.h"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace bonedry::admin {
namespace {

using StateJson = nlohmann::json;

constexpr int kRollsVersion = 1;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

StateJson to_json(const RollPlan& plan) {
  return {{"command", plan.command},
          {"test", plan.test},
          {"only", plan.only},
          {"deadline_ms", plan.deadline ? StateJson(plan.deadline->count()) : StateJson(nullptr)},
          {"settle_ms", plan.settle.count()},
          {"keep_going", plan.on_failure == OnRollFailure::keep_going}};
}

StateJson to_json(const Roll& roll) {
  StateJson nodes = StateJson::array();
  for (const RolledNode& node : roll.nodes) {
    nodes.push_back(
        {{"name", node.name}, {"step", to_string(node.step)}, {"failure", node.failure}});
  }
  StateJson holder = nullptr;
  if (roll.holder) {
    holder = {{"token", roll.holder->token},
              {"by", roll.holder->by},
              {"since_ms", roll.holder->since.ms}};
  }
  return {{"state", to_string(roll.state)}, {"by", roll.by},
          {"since_ms", roll.since.ms},      {"plan", to_json(roll.plan)},
          {"nodes", std::move(nodes)},      {"holder", std::move(holder)}};
}

RollPlan plan_from(const StateJson& json) {
  RollPlan plan;
  json.at("command").get_to(plan.command);
  json.at("test").get_to(plan.test);
  json.at("only").get_to(plan.only);
  if (const StateJson& deadline = json.at("deadline_ms"); !deadline.is_null()) {
    plan.deadline = Millis{deadline.get<std::int64_t>()};
  }
  plan.settle = Millis{json.at("settle_ms").get<std::int64_t>()};
  if (json.at("keep_going").get<bool>()) plan.on_failure = OnRollFailure::keep_going;
  return plan;
}

RollState state_from(const std::string& name) {
  for (const RollState state : {RollState::unfinished, RollState::finished, RollState::abandoned}) {
    if (name == to_string(state)) return state;
  }
  refuse("invalid state \"" + name + "\"");
}

RolledNode node_from(const StateJson& json) {
  const auto name = json.at("step").get<std::string>();
  const auto step = roll_step(name);
  if (!step) refuse("invalid step \"" + name + "\"");
  return {json.at("name").get<std::string>(), *step, json.at("failure").get<std::string>()};
}

Roll roll_from(const std::string& pool, const StateJson& json) {
  Roll roll;
  roll.pool = pool;
  roll.state = state_from(json.at("state").get<std::string>());
  json.at("by").get_to(roll.by);
  roll.since = WallTime{json.at("since_ms").get<std::int64_t>()};
  roll.plan = plan_from(json.at("plan"));
  for (const StateJson& node : json.at("nodes")) roll.nodes.push_back(node_from(node));
  if (const StateJson& holder = json.at("holder"); !holder.is_null()) {
    roll.holder =
        RollHolder{holder.at("token").get<std::string>(), holder.at("by").get<std::string>(),
                   WallTime{holder.at("since_ms").get<std::int64_t>()}};
  }
  return roll;
}

}  // namespace

Result<RollMap> RollStore::load() const {
  if (is_absent(path_)) return RollMap{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const StateJson json = StateJson::parse(*content);
    if (json.at("version") != kRollsVersion) refuse("written by another version of bonedry");
    RollMap rolls;
    for (const auto& [pool, roll] : json.at("rolls").items()) {
      rolls.emplace(pool, roll_from(pool, roll));
    }
    return rolls;
  } catch (const std::exception& error) {
    return Failure{path_ + ": " + error.what()};
  }
}

Result<> RollStore::save(const RollMap& rolls) {
  StateJson all = StateJson::object();
  for (const auto& [pool, roll] : rolls) all[pool] = to_json(roll);
  const StateJson json{{"version", kRollsVersion}, {"rolls", std::move(all)}};
  return replace_file(path_, json.dump(2, ' ', false, StateJson::error_handler_t::replace) + "\n",
                      0600);
}

}  // namespace bonedry::admin
