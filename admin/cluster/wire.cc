#include "admin/cluster/wire.h"

#include "admin/record_json.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace bonedry::admin::cluster {
namespace {

using Json = nlohmann::json;

template <class Value>
using Named = std::array<std::pair<const char*, Value>, 3>;

constexpr Named<Standing> kStandings{
    {{"left", Standing::left}, {"forgotten", Standing::forgotten}, {"present", Standing::present}}};
constexpr Named<DryStage> kStages{
    {{"none", DryStage::none}, {"agreed", DryStage::agreed}, {"announced", DryStage::announced}}};
constexpr Named<VoteState> kVotes{{{"shutting", VoteState::shutting},
                                   {"yes", VoteState::yes},
                                   {"confirmed", VoteState::confirmed}}};
constexpr Named<Takeover::State> kTakeovers{{{"under_way", Takeover::State::under_way},
                                             {"done", Takeover::State::done},
                                             {"failed", Takeover::State::failed}}};

template <class Value>
const char* name_of(const Named<Value>& names, Value value) {
  for (const auto& [name, named] : names) {
    if (named == value) return name;
  }
  return "";
}

template <class Value>
Value value_of(const Named<Value>& names, const std::string& text) {
  for (const auto& [name, value] : names) {
    if (name == text) return value;
  }
  throw std::invalid_argument("unknown value \"" + text + "\"");
}

/// An object with one member for each node.
template <class Map, class Write>
Json by_node(const Map& map, const Write& write) {
  Json json = Json::object();
  for (const auto& [id, value] : map) json[id.text()] = write(value);
  return json;
}

template <class Map, class Read>
Map map_by_node(const Json& json, const Read& read) {
  Map map;
  for (const auto& [key, value] : json.items()) map.emplace(node_id_from_json(key), read(value));
  return map;
}

/// Without what concerns one member alone.
Json to_json_shared(const std::optional<NodeRecord>& record) {
  if (!record) return nullptr;
  NodeRecord shared = *record;
  shared.removed_from.reset();
  shared.since_monotonic.reset();
  shared.deadline_monotonic.reset();
  shared.warned = Warned::no;
  return admin::to_json(shared);
}

Json to_json(const SharedState& state) {
  return {{"version", to_json(state.version)},
          {"bleed", state.bleed},
          {"record", to_json_shared(state.record)},
          {"stage", name_of(kStages, state.stage)},
          {"round", state.round}};
}

SharedState state_from_json(const Json& json) {
  SharedState state;
  state.version = version_from_json(json.at("version"));
  state.bleed = json.at("bleed").get<std::string>();
  if (!json.at("record").is_null()) state.record = record_from_json(json.at("record"));
  state.stage = value_of(kStages, json.at("stage").get<std::string>());
  state.round = json.at("round").get<std::string>();
  // The two say the same; a contradiction would call a node dry, or open it.
  const bool announced = state.stage == DryStage::announced;
  const bool dry = state.record && state.record->dry == Dry::yes;
  if (dry != announced || state.record.has_value() == state.bleed.empty()) {
    throw std::invalid_argument("a state that contradicts itself");
  }
  return state;
}

Json to_json(const DryOutlook& outlook) {
  if (!outlook.forecast) return {{"none", outlook.no_forecast}};
  return {{"likely_ms", outlook.forecast->likely.count()},
          {"low_ms", outlook.forecast->low.count()},
          {"high_ms", outlook.forecast->high.count()}};
}

DryOutlook outlook_from_json(const Json& json) {
  if (json.contains("none")) return {{}, json.at("none").get<std::string>()};
  const auto time = [&json](const char* key) { return Millis{json.at(key).get<std::int64_t>()}; };
  return {DryForecast{time("likely_ms"), time("low_ms"), time("high_ms")}, ""};
}

Json to_json(const NodeLook& look) {
  return {{"version", to_json(look.version)},
          {"blocked", look.blocked},
          {"outlook", to_json(look.outlook)}};
}

NodeLook look_from_json(const Json& json) {
  return {version_from_json(json.at("version")), json.at("blocked").get<std::vector<std::string>>(),
          outlook_from_json(json.at("outlook"))};
}

Json to_json(const Vote& vote) {
  return {{"round", vote.round}, {"bleed", vote.bleed}, {"state", name_of(kVotes, vote.state)}};
}

Vote vote_from_json(const Json& json) {
  return {json.at("round").get<std::string>(), json.at("bleed").get<std::string>(),
          value_of(kVotes, json.at("state").get<std::string>())};
}

Json to_json(const Takeovers& takeovers) {
  Json json = Json::object();
  for (const auto& [name, takeover] : takeovers) {
    json[name] = {{"token", takeover.token}, {"state", name_of(kTakeovers, takeover.state)}};
  }
  return json;
}

Takeovers takeovers_from_json(const Json& json) {
  Takeovers takeovers;
  for (const auto& [name, takeover] : json.items()) {
    takeovers[name] = {takeover.at("token").get<std::string>(),
                       value_of(kTakeovers, takeover.at("state").get<std::string>())};
  }
  return takeovers;
}

Json to_json(const Round& round) {
  return {{"id", round.id},
          {"bleed", round.bleed},
          {"version", to_json(round.version)},
          {"voters", round.voters}};
}

Round round_from_json(const Json& json) {
  return {json.at("id").get<std::string>(), json.at("bleed").get<std::string>(),
          version_from_json(json.at("version")),
          json.at("voters").get<std::map<std::string, std::string>>()};
}

}  // namespace

Json to_json(const VersionVector& version) {
  return version.counts();
}

VersionVector version_from_json(const Json& json) {
  return VersionVector(json.get<VersionVector::Counts>());
}

Json to_json(const Roster& roster) {
  Json json = Json::object();
  for (const auto& [name, entry] : roster.entries()) {
    json[name] = {{"id", entry.id},
                  {"version", entry.version},
                  {"standing", name_of(kStandings, entry.standing)},
                  {"heard_ms", entry.heard.ms},
                  {"heard_here_ms", entry.heard_here.ms}};
  }
  return json;
}

Roster roster_from_json(const Json& json) {
  Roster::Entries entries;
  for (const auto& [name, entry] : json.items()) {
    entries[name] = {entry.at("id").get<std::string>(), entry.at("version").get<std::uint64_t>(),
                     value_of(kStandings, entry.at("standing").get<std::string>()),
                     time_from_json(entry, "heard_ms"), time_from_json(entry, "heard_here_ms")};
  }
  return Roster(std::move(entries));
}

Json to_json(const SharedStates& states) {
  return by_node(states, [](const SharedState& state) { return to_json(state); });
}

SharedStates states_from_json(const Json& json) {
  return map_by_node<SharedStates>(json, state_from_json);
}

Json to_json(const Votes& votes) {
  return by_node(votes, [](const Vote& vote) { return to_json(vote); });
}

Votes votes_from_json(const Json& json) {
  return map_by_node<Votes>(json, vote_from_json);
}

Json to_json(const Statement& statement) {
  return {{"name", statement.name},
          {"id", statement.id},
          {"incarnation", statement.incarnation},
          {"sequence", statement.sequence},
          {"program", statement.program},
          {"since_ms", statement.since.ms},
          {"sessions", statement.sessions},
          {"fence_ms", statement.fence.count()},
          {"pools", statement.pools},
          {"whole", statement.whole},
          {"roster", to_json(statement.roster)},
          {"states", to_json(statement.states)},
          {"looks", by_node(statement.looks, [](const NodeLook& look) { return to_json(look); })},
          {"votes", to_json(statement.votes)},
          {"refused", statement.refused},
          {"rounds", by_node(statement.rounds, [](const Round& round) { return to_json(round); })},
          {"off", statement.off},
          {"leaving", statement.leaving ? Json(*statement.leaving) : Json(nullptr)},
          {"takeovers", to_json(statement.takeovers)}};
}

Statement statement_from_json(const Json& json) {
  Statement statement;
  statement.name = json.at("name").get<std::string>();
  statement.id = json.at("id").get<std::string>();
  statement.incarnation = json.at("incarnation").get<std::string>();
  statement.sequence = json.at("sequence").get<std::uint64_t>();
  statement.program = json.at("program").get<std::string>();
  statement.since = time_from_json(json, "since_ms");
  statement.sessions = json.at("sessions").get<std::uint64_t>();
  statement.fence = Millis{json.value("fence_ms", std::int64_t{0})};
  statement.pools = json.at("pools").get<std::map<std::string, std::string>>();
  statement.whole = json.at("whole").get<std::string>();
  statement.roster = roster_from_json(json.at("roster"));
  statement.states = states_from_json(json.at("states"));
  statement.looks =
      map_by_node<std::map<balancer::NodeId, NodeLook>>(json.at("looks"), look_from_json);
  statement.votes = votes_from_json(json.at("votes"));
  statement.refused = json.at("refused").get<std::vector<std::string>>();
  statement.rounds = map_by_node<Rounds>(json.at("rounds"), round_from_json);
  statement.off = json.at("off").get<std::vector<std::string>>();
  const Json& leaving = json.at("leaving");
  if (!leaving.is_null()) statement.leaving = leaving.get<std::string>();
  statement.takeovers = takeovers_from_json(json.at("takeovers"));
  return statement;
}

}  // namespace bonedry::admin::cluster
