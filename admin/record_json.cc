#include "admin/record_json.h"

#include "conf/values.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace bonedry::admin {
namespace {

using balancer::NodeId;
using balancer::NodeState;
using StateJson = nlohmann::json;

constexpr std::int64_t kLatest = 253'402'300'799'999;  // the end of the year 9999

[[noreturn]] void refuse_record(const std::string& what) {
  throw std::invalid_argument(what);
}

/// A record is of a node that is not active.
NodeState node_state_from(const std::string& text) {
  for (const NodeState state : {NodeState::bleeding, NodeState::maintenance}) {
    if (text == balancer::to_string(state)) return state;
  }
  refuse_record("invalid state \"" + text + "\"; expected bleeding or maintenance");
}

/// A time or a duration in milliseconds, or null.
template <class T>
StateJson ms_or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, Millis>) {
    return value->count();
  } else {
    return value->ms;
  }
}

/// Files of older versions lack these members.
template <class T>
std::optional<T> ms_of(const StateJson& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::nullopt;
  // An Instant from before this boot is negative.
  if (!found->is_number_integer() || *found < -kLatest || *found > kLatest) {
    refuse_record("\"" + std::string(name) + "\" is not a time in milliseconds");
  }
  return T{found->get<std::int64_t>()};
}

}  // namespace

WallTime time_from_json(const StateJson& json, const char* name) {
  const StateJson& time = json.at(name);
  if (!time.is_number_integer() || time < 0 || time > kLatest) {
    refuse_record("\"" + std::string(name) + "\" is not a time in milliseconds since 1970");
  }
  return WallTime{time.get<std::int64_t>()};
}

NodeId node_id_from_json(const std::string& text) {
  std::optional<NodeId> id = NodeId::parse(text);
  const bool sound = id && conf::is_name(id->pool) && conf::is_name(id->name);
  if (!sound) refuse_record("invalid node name \"" + text + "\"; expected \"POOL/NODE\"");
  return std::move(*id);
}

nlohmann::json to_json(const NodeRecord& record) {
  StateJson json{
      {"state", balancer::to_string(record.state)},
      {"since_ms", record.since.ms},
      {"by", record.by},
      {"reason", record.reason},
      {"since_at_ms", ms_or_null(record.since_monotonic)},
      {"deadline_ms", ms_or_null(record.deadline)},
      {"deadline_at_ms", ms_or_null(record.deadline_monotonic)},
      {"deadline_after_ms", ms_or_null(record.deadline_duration)},
      {"dry", record.dry == Dry::yes},
      {"displaced", record.displaced == Displaced::yes},
      {"removed_from", record.removed_from ? StateJson(conf::to_string(*record.removed_from))
                                           : StateJson(nullptr)}};
  if (record.warned == Warned::yes) json["warned"] = true;
  return json;
}

NodeRecord record_from_json(const StateJson& json) {
  NodeRecord record;
  record.state = node_state_from(json.at("state").get<std::string>());
  record.since = time_from_json(json, "since_ms");
  record.by = json.at("by").get<std::string>();
  record.reason = json.at("reason").get<std::string>();
  record.since_monotonic = ms_of<Instant>(json, "since_at_ms");
  if (!json.at("deadline_ms").is_null()) record.deadline = time_from_json(json, "deadline_ms");
  record.deadline_monotonic = ms_of<Instant>(json, "deadline_at_ms");
  record.deadline_duration = ms_of<Millis>(json, "deadline_after_ms");
  if (record.deadline_duration.value_or(Millis{0}) < Millis{0}) {
    refuse_record("\"deadline_after_ms\" is negative");
  }
  if (!record.deadline) {  // an operator has removed it from the file
    record.deadline_monotonic.reset();
    record.deadline_duration.reset();
  }
  record.dry = json.at("dry").get<bool>() ? Dry::yes : Dry::no;
  record.displaced = json.at("displaced").get<bool>() ? Displaced::yes : Displaced::no;
  record.warned = json.value("warned", false) ? Warned::yes : Warned::no;
  if (const StateJson& from = json.at("removed_from"); !from.is_null()) {
    record.removed_from = conf::parse_address(from.get<std::string>());
    if (!record.removed_from) refuse_record("\"removed_from\" is not an address");
  }
  return record;
}

}  // namespace bonedry::admin
