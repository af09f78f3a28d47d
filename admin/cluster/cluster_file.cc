#include "admin/cluster/cluster_file.h"

#include "admin/cluster/wire.h"
#include "proxy/base/file.h"

#include <exception>
#include <stdexcept>

namespace bonedry::admin::cluster {
namespace {

constexpr int kVersion = 1;
constexpr const char* kLedger = "ledger";
constexpr const char* kStore = "store";

Trust trust_from_json(const nlohmann::json& json) {
  if (json == kLedger) return Trust::ledger;
  if (json == kStore) return Trust::store;
  throw std::invalid_argument("trust is neither ledger nor store");
}

}  // namespace

Result<Memory> ClusterFile::load() const {
  if (is_absent(path_)) return Memory{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const nlohmann::json json = nlohmann::json::parse(*content);
    if (json.at("version") != kVersion) throw std::invalid_argument("of another version");
    return Memory{json.at("id").get<std::string>(),    json.at("starts").get<std::uint64_t>(),
                  roster_from_json(json.at("roster")), states_from_json(json.at("states")),
                  votes_from_json(json.at("votes")),   trust_from_json(json.at("trust"))};
  } catch (const std::exception& error) {
    return Failure{path_ + ": cannot be read (" + error.what() +
                   "); without it this member could let users onto a node that the others call "
                   "dry. Repair it, or move it away and let the others forget this member"};
  }
}

Result<> ClusterFile::save(const Memory& memory) {
  const nlohmann::json json{{"version", kVersion},
                            {"id", memory.id},
                            {"starts", memory.starts},
                            {"roster", to_json(memory.roster)},
                            {"states", to_json(memory.states)},
                            {"votes", to_json(memory.votes)},
                            {"trust", memory.trust == Trust::store ? kStore : kLedger}};
  const std::string text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return replace_file(path_, text + "\n", 0600);
}

}  // namespace bonedry::admin::cluster
