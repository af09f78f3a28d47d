#include "admin/state_store.h"

#include "admin/record_json.h"
#include "proxy/base/file.h"
#include "proxy/base/fingerprint.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

namespace bonedry::admin {
namespace {

using balancer::NodeId;
using balancer::NodeState;
using StateJson = nlohmann::json;

constexpr int kVersion = 1;
constexpr int kDepth = 3;

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

/// What people write into the file by mistake must not be ignored.
NodeRecord from_json(const StateJson& json) {
  static constexpr std::array kMembers{
      "state",  "since_ms",    "since_at_ms",    "by",
      "reason", "deadline_ms", "deadline_at_ms", "deadline_after_ms",
      "dry",    "displaced",   "removed_from",   "warned"};
  expect_members(json, kMembers);
  return record_from_json(json);
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
      NodeRecord& loaded = records.emplace(node_id_from_json(key), from_json(record)).first->second;
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
