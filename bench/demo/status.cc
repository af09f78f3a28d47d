#include "bench/demo/status.h"

#include <nlohmann/json.hpp>

namespace bonedry::demo {
namespace {

using Json = nlohmann::json;

NodeStatus parse_node(const Json& node) {
  const Json& sessions = node.at("sessions");
  const Json& counters = node.at("counters");
  NodeStatus status;
  status.state = node.at("state").get<std::string>();
  status.health = node.at("health").get<std::string>();
  status.dry = node.at("dry").get<bool>();
  status.live = sessions.at("live").get<std::int64_t>();
  status.pending = sessions.at("pending").get<std::int64_t>();
  status.exchanges_open = node.at("exchanges_open").get<std::int64_t>();
  status.moved = counters.at("moved").get<std::uint64_t>();
  status.rescued = counters.at("rescued").get<std::uint64_t>();
  status.late = counters.at("late").get<std::uint64_t>();
  return status;
}

Counted parse_counted(const std::string& word) {
  if (word == "at_least") return Counted::at_least;
  return word == "at_most" ? Counted::at_most : Counted::exactly;
}

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

}  // namespace

std::optional<Status> parse_status(const std::string& text, const std::string& pool) {
  try {
    const Json json = Json::parse(text);
    Status status;
    for (const Json& entry : json.at("pools")) {
      if (entry.at("name") != pool) continue;
      for (const Json& node : entry.at("nodes")) {
        status.nodes.emplace(node.at("name").get<std::string>(), parse_node(node));
      }
    }
    for (const Json& listener : json.at("listeners")) {
      if (listener.at("pool") == pool) {
        status.port = port_of(listener.at("address").get<std::string>());
      }
    }
    if (json.contains("cluster")) {  // not if the proxy is alone
      status.counted = parse_counted(json["cluster"].at("counted").get<std::string>());
      status.serves = json["cluster"].at("waiting_for").is_null();
    }
    if (status.nodes.empty() || status.port == 0) return std::nullopt;
    return status;
  } catch (const std::exception&) {  // malformed JSON or a number out of range
    return std::nullopt;
  }
}

}  // namespace bonedry::demo
