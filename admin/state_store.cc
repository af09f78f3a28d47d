#include "admin/state_store.h"

#include "proxy/base/file.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <type_traits>

namespace bonedry::admin {
namespace {

using balancer::NodeState;
using Json = nlohmann::json;

constexpr int kVersion = 1;

NodeState state_from(const std::string& text) {
  for (const NodeState state : {NodeState::active, NodeState::bleeding, NodeState::maintenance}) {
    if (text == balancer::to_string(state)) return state;
  }
  throw std::invalid_argument("\"" + text + "\" is not a node state");
}

/// Of a time or a duration.
template <class T>
Json ms_or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, Millis>) {
    return value->count();
  } else {
    return value->ms;
  }
}

/// Files from before there were such members lack them.
template <class T>
std::optional<T> ms_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return T{found->get<std::int64_t>()};
}

Json to_json(const NodeRecord& record) {
  return {{"state", balancer::to_string(record.state)},
          {"since_ms", record.since.ms},
          {"by", record.by},
          {"reason", record.reason},
          {"since_at_ms", ms_or_null(record.since_at)},
          {"deadline_ms", ms_or_null(record.deadline)},
          {"deadline_at_ms", ms_or_null(record.deadline_at)},
          {"deadline_after_ms", ms_or_null(record.deadline_after)},
          {"dry", record.dry == Dry::yes},
          {"displaced", record.displaced == Displaced::yes},
          {"removed_from",
           record.removed_from ? Json(conf::to_string(*record.removed_from)) : Json(nullptr)}};
}

NodeRecord from_json(const Json& json) {
  NodeRecord record;
  record.state = state_from(json.at("state").get<std::string>());
  record.since.ms = json.at("since_ms").get<std::int64_t>();
  record.by = json.at("by").get<std::string>();
  record.reason = json.at("reason").get<std::string>();
  record.since_at = ms_of<Instant>(json, "since_at_ms");
  const Json& deadline = json.at("deadline_ms");
  if (!deadline.is_null()) record.deadline = WallTime{deadline.get<std::int64_t>()};
  record.deadline_at = ms_of<Instant>(json, "deadline_at_ms");
  record.deadline_after = ms_of<Millis>(json, "deadline_after_ms");
  record.dry = json.at("dry").get<bool>() ? Dry::yes : Dry::no;
  record.displaced = json.at("displaced").get<bool>() ? Displaced::yes : Displaced::no;
  if (const Json& from = json.at("removed_from"); !from.is_null()) {
    record.removed_from = conf::parse_address(from.get<std::string>());
    if (!record.removed_from) throw std::invalid_argument("\"removed_from\" is not an address");
  }
  return record;
}

}  // namespace

Result<NodeRecords> StateStore::load() const {
  if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) return NodeRecords{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const Json json = Json::parse(*content);
    if (json.at("version").get<int>() != kVersion) {
      return Failure{path_ + ": it was written by another version of bonedry"};
    }
    const bool same_boot = !boot_.empty() && json.value("boot", "") == boot_;
    NodeRecords records;
    for (const auto& [key, record] : json.at("nodes").items()) {
      NodeRecord& loaded = records.emplace(key, from_json(record)).first->second;
      if (same_boot) continue;
      loaded.since_at.reset();
      loaded.deadline_at.reset();
    }
    return records;
  } catch (const std::exception& error) {
    return Failure{path_ + ": it does not hold node states (" + error.what() +
                   "); starting without it could put bleeding nodes back into rotation, so repair "
                   "it or move it away"};
  }
}

Outcome StateStore::save(const NodeRecords& records) {
  Json nodes = Json::object();
  for (const auto& [key, record] : records) nodes[key] = to_json(record);
  const Json json{{"version", kVersion}, {"boot", boot_}, {"nodes", nodes}};
  // What a person typed as a reason may be any bytes; they are kept as far as JSON can.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  return replace_file(path_, text + "\n", 0600);
}

}  // namespace bonedry::admin
