#include "admin/state_store.h"

#include "conf/values.h"
#include "proxy/base/file.h"
#include "proxy/base/fingerprint.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace bonedry::admin {
namespace {

using balancer::NodeId;
using balancer::NodeState;
using StateJson = nlohmann::json;

constexpr int kVersion = 1;
constexpr int kDepth = 3;
constexpr std::int64_t kLatest = 253'402'300'799'999;  // the end of the year 9999

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

/// Rejects members that are not in `names`; the caller checks which ones are required.
void expect_members(const StateJson& json, std::span<const char* const> names) {
  if (!json.is_object()) refuse("expected an object");
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(names, name) == names.end()) refuse("unknown key \"" + name + "\"");
  }
}

/// A record is of a node that is not active.
NodeState state_from(const std::string& text) {
  for (const NodeState state : {NodeState::bleeding, NodeState::maintenance}) {
    if (text == balancer::to_string(state)) return state;
  }
  refuse("invalid state \"" + text + "\"; expected bleeding or maintenance");
}

WallTime time_from(const StateJson& json, const char* name) {
  const StateJson& time = json.at(name);
  if (!time.is_number_integer() || time < 0 || time > kLatest) {
    refuse("\"" + std::string(name) + "\" is not a time in milliseconds since 1970");
  }
  return WallTime{time.get<std::int64_t>()};
}

/// Covers everything except the "check" member. The order of members and white space do not matter.
std::string checksum(StateJson json) {
  json.erase("check");
  const std::string text = json.dump(-1, ' ', false, StateJson::error_handler_t::replace);
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(fingerprint(text)));
  return digits.data();
}

/// Rejects a name that comes twice: the library would drop the first without an error.
StateJson parse(const std::string& text) {
  std::vector<std::set<std::string>> names;
  return StateJson::parse(text,
                          [&names](int depth, StateJson::parse_event_t event, StateJson& parsed) {
                            if (depth > kDepth) refuse("nested too deeply");
                            if (event == StateJson::parse_event_t::object_start)
                              names.emplace_back();
                            if (event == StateJson::parse_event_t::object_end) names.pop_back();
                            if (event == StateJson::parse_event_t::key &&
                                !names.back().insert(parsed.get<std::string>()).second) {
                              refuse("duplicate key " + parsed.dump());
                            }
                            return true;
                          });
}

NodeId id_from(const std::string& text) {
  std::optional<NodeId> id = NodeId::parse(text);
  const bool sound = id && conf::is_name(id->pool) && conf::is_name(id->name);
  if (!sound) refuse("invalid node name \"" + text + "\"; expected \"POOL/NODE\"");
  return std::move(*id);
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
    refuse("\"" + std::string(name) + "\" is not a time in milliseconds");
  }
  return T{found->get<std::int64_t>()};
}

/// Members that were added later are written only where they say something, so that an older
/// version can read most files.
StateJson to_json(const NodeRecord& record) {
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

NodeRecord from_json(const StateJson& json) {
  static constexpr std::array kMembers{
      "state",  "since_ms",    "since_at_ms",    "by",
      "reason", "deadline_ms", "deadline_at_ms", "deadline_after_ms",
      "dry",    "displaced",   "removed_from",   "warned"};
  expect_members(json, kMembers);
  NodeRecord record;
  record.state = state_from(json.at("state").get<std::string>());
  record.since = time_from(json, "since_ms");
  record.by = json.at("by").get<std::string>();
  record.reason = json.at("reason").get<std::string>();
  record.since_monotonic = ms_of<Instant>(json, "since_at_ms");
  if (!json.at("deadline_ms").is_null()) record.deadline = time_from(json, "deadline_ms");
  record.deadline_monotonic = ms_of<Instant>(json, "deadline_at_ms");
  record.deadline_duration = ms_of<Millis>(json, "deadline_after_ms");
  if (record.deadline_duration.value_or(Millis{0}) < Millis{0}) {
    refuse("\"deadline_after_ms\" is negative");
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
    if (!record.removed_from) refuse("\"removed_from\" is not an address");
  }
  return record;
}

}  // namespace

std::vector<NodeId> nodes_missing_in_ledger(const NodeRecords& records,
                                            const std::vector<session::LedgerNode>& known,
                                            const conf::Config& config) {
  std::vector<NodeId> unknown;
  for (const auto& [id, record] : records) {
    const bool awaited =
        record.state == NodeState::bleeding && record.dry == Dry::no &&
        std::ranges::find(config.pools, id.pool, &conf::Pool::name) != config.pools.end();
    if (awaited && std::ranges::find(known, id.text(), &session::LedgerNode::key) == known.end()) {
      unknown.push_back(id);
    }
  }
  return unknown;
}

std::vector<NodeId> changed_after(const NodeRecords& records, const session::LastUse& last_use) {
  constexpr Millis kBehind{
      5'000};  // for a stalled process; otherwise it records its use ten times a second
  std::vector<NodeId> marked;
  for (const auto& [id, record] : records) {
    const bool later = record.since_monotonic && last_use.at
                           ? *record.since_monotonic > *last_use.at + kBehind
                           : record.since > last_use.wall + kBehind;
    if (later) marked.push_back(id);
  }
  return marked;
}

Result<NodeRecords> StateStore::load() const {
  if (is_absent(path_)) return NodeRecords{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const StateJson json = parse(*content);
    const StateJson& version = json.at("version");
    if (version.is_number_integer() && version != kVersion) {
      return Failure{path_ + ": written by an incompatible version of bonedry"};
    }
    if (version != kVersion) refuse("\"version\" is not a number");
    static constexpr std::array kMembers{"version", "boot", "nodes", "check"};
    expect_members(json, kMembers);
    const StateJson& nodes = json.at("nodes");
    if (!nodes.is_object()) refuse("\"nodes\" is not an object");
    // Instants are those of the process that wrote the file; a person who edits it changes the
    // dates.
    const bool same_boot =
        !boot_.empty() && json.value("boot", "") == boot_ && json.contains("check");
    NodeRecords records;
    for (const auto& [key, record] : nodes.items()) {
      NodeRecord& loaded = records.emplace(id_from(key), from_json(record)).first->second;
      if (same_boot) continue;
      loaded.since_monotonic.reset();
      loaded.deadline_monotonic.reset();
    }
    // Older versions wrote no "check", and people who edit the file remove it.
    if (json.contains("check") && json.at("check") != checksum(json)) {
      refuse(
          "\"check\" does not match: the file is damaged or was edited; if you edited it, remove "
          "\"check\"");
    }
    return records;
  } catch (const std::exception& error) {
    return Failure{path_ + ": invalid node states (" + error.what() +
                   "); starting without them could put bleeding nodes back into rotation; repair "
                   "the file or move it away"};
  }
}

Result<> StateStore::save(const NodeRecords& records) {
  StateJson nodes = StateJson::object();
  for (const auto& [id, record] : records) nodes[id.text()] = to_json(record);
  StateJson json{{"version", kVersion}, {"boot", boot_}, {"nodes", nodes}};
  json["check"] = checksum(json);
  // A reason may contain any bytes; those that are not UTF-8 are replaced.
  const std::string text = json.dump(2, ' ', false, StateJson::error_handler_t::replace);
  return replace_file(path_, text + "\n", 0600);
}

}  // namespace bonedry::admin
