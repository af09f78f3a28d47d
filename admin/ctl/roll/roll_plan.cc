#include "admin/ctl/roll/roll_plan.h"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace bonedry::ctl {
namespace {

using Json = nlohmann::json;

admin::RolledNode node_of(const Json& json) {
  const auto step = admin::roll_step(json.at("step").get<std::string>());
  if (!step) throw std::invalid_argument("a step of a later version");
  const Json& failure = json.at("failure");
  return {json.at("name").get<std::string>(), *step,
          failure.is_string() ? failure.get<std::string>() : ""};
}

PoolNode pool_node_of(const Json& json) {
  const Json& sessions = json.at("sessions");
  return {json.at("name").get<std::string>(), json.at("address").get<std::string>(),
          json.at("state").get<std::string>(), json.at("health").get<std::string>(),
          sessions.at("live").get<std::int64_t>() + sessions.at("pending").get<std::int64_t>()};
}

}  // namespace

std::optional<std::vector<admin::RolledNode>> parse_roll(std::string_view json) {
  try {
    const Json roll = Json::parse(json);
    std::vector<admin::RolledNode> nodes;
    for (const Json& node : roll.at("nodes")) nodes.push_back(node_of(node));
    return nodes;
  } catch (const std::exception&) {  // a response of some other program
    return std::nullopt;
  }
}

std::optional<std::vector<PoolNode>> parse_pool(std::string_view json, std::string_view pool) {
  try {
    const Json status = Json::parse(json);
    for (const Json& each : status.at("pools")) {
      if (each.at("name") != pool) continue;
      std::vector<PoolNode> nodes;
      for (const Json& node : each.at("nodes")) nodes.push_back(pool_node_of(node));
      return nodes;
    }
  } catch (const std::exception&) {  // as above
  }
  return std::nullopt;
}

std::optional<Pass> parse_pass(std::string_view json) {
  try {
    const Json pass = Json::parse(json);
    return Pass{pass.at("token").get<std::string>(), pass.at("header").get<std::string>()};
  } catch (const std::exception&) {  // as above
    return std::nullopt;
  }
}

}  // namespace bonedry::ctl
