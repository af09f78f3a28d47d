#include "admin/user_curve_store.h"

#include "admin/printable.h"
#include "proxy/base/file.h"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <vector>

namespace bonedry::admin {
namespace {

using CurveJson = nlohmann::json;

constexpr int kCurvesVersion = 1;

CurveJson to_json(const SavedCurve& saved) {
  CurveJson points = CurveJson::array();
  for (const UserCurve::Point& point : saved.curve.points()) {
    points.push_back({point.at.count(), point.users});
  }
  return {{"since_ms", saved.since.ms},
          {"began_ms", std::max(saved.began.ms, std::int64_t{0})},
          {"step_ms", saved.curve.step().count()},
          {"points", std::move(points)}};
}

SavedCurve curve_from(const CurveJson& json) {
  std::vector<UserCurve::Point> points;
  for (const CurveJson& point : json.at("points")) {
    points.push_back({Millis{point.at(0).get<std::int64_t>()}, point.at(1).get<std::int64_t>()});
  }
  auto curve =
      UserCurve::restored(Millis{json.at("step_ms").get<std::int64_t>()}, std::move(points));
  if (!curve) throw std::invalid_argument("invalid points");
  const WallTime since{json.at("since_ms").get<std::int64_t>()};
  const WallTime began{json.at("began_ms").get<std::int64_t>()};
  if (began.ms < 0 || began > since) throw std::invalid_argument("invalid dates");
  return {since, began, std::move(*curve)};
}

Result<> add(const std::string& name, const CurveJson& json, SavedCurves& all) {
  auto node = balancer::NodeId::parse(name);
  if (!node) return Failure{std::string("invalid node name")};
  try {
    all.emplace(std::move(*node), curve_from(json));
    return Done{};
  } catch (const std::exception& error) {
    return Failure{std::string(error.what())};
  }
}

}  // namespace

Result<SavedCurves> UserCurveStore::load() const {
  if (is_absent(path_)) return SavedCurves{};
  const Result<std::string> content = read_file(path_);
  if (!content) return Failure{content.error()};
  try {
    const CurveJson json = CurveJson::parse(*content);
    if (json.at("version") != kCurvesVersion) {
      throw std::invalid_argument("written by another version of bonedry");
    }
    SavedCurves all;
    for (const auto& [name, curve] : json.at("curves").items()) {
      const Result<> added = add(name, curve, all);
      if (!added) spdlog::warn("{}: the curve of {}: {}", path_, printable(name), added.error());
    }
    return all;
  } catch (const std::exception& error) {
    return Failure{path_ + ": " + error.what()};
  }
}

Result<> UserCurveStore::save(const SavedCurves& curves) {
  CurveJson all = CurveJson::object();
  for (const auto& [node, curve] : curves) all[node.text()] = to_json(curve);
  const CurveJson json{{"version", kCurvesVersion}, {"curves", std::move(all)}};
  return replace_file_unsynced(path_, json.dump() + "\n", 0600);
}

}  // namespace bonedry::admin
