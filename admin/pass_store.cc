#include "admin/pass_store.h"

#include "proxy/base/file.h"

#include <nlohmann/json.hpp>

#include <exception>
#include <stdexcept>

namespace bonedry::admin {
namespace {

using StoredJson = nlohmann::json;

constexpr int kPassesVersion = 1;

balancer::NodeId node_from(const std::string& text) {
  auto node = balancer::NodeId::parse(text);
  if (!node) throw std::invalid_argument("invalid node name \"" + text + "\"");
  return std::move(*node);
}

}  // namespace

Result<PassRevocations> PassStore::load() const {
  if (is_absent(path_)) return PassRevocations{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const StoredJson json = StoredJson::parse(*content);
    if (json.at("version") != kPassesVersion) {
      throw std::invalid_argument("written by another version of bonedry");
    }
    PassRevocations::Map all;
    for (const auto& [node, until] : json.at("revoked_until_ms").items()) {
      all.emplace(node_from(node), WallTime{until.get<std::int64_t>()});
    }
    return PassRevocations(std::move(all));
  } catch (const std::exception& error) {
    return Failure{path_ + ": " + error.what()};
  }
}

Result<> PassStore::save(const PassRevocations& revocations) {
  StoredJson all = StoredJson::object();
  for (const auto& [node, until] : revocations.all()) all[node.text()] = until.ms;
  const StoredJson json{{"version", kPassesVersion}, {"revoked_until_ms", std::move(all)}};
  return replace_file(path_, json.dump(2) + "\n", 0600);
}

}  // namespace bonedry::admin
