#include "admin/cluster/shared_state.h"

#include <algorithm>
#include <tuple>

namespace bonedry::admin::cluster {
namespace {

/// How far out of rotation; then the name of the bleed, which is random, so that both sides choose
/// alike.
auto rank(const SharedState& state) {
  const bool out = state.record.has_value();
  return std::tuple(out ? 1 : 0, out ? static_cast<int>(state.record->state) : 0,
                    out ? static_cast<int>(state.record->displaced) : 0, state.bleed);
}

std::optional<WallTime> earlier(const std::optional<WallTime>& one,
                                const std::optional<WallTime>& other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

/// Two changes of one bleed, such as a deadline that one member has set and dryness that another
/// has announced: both hold.
SharedState combine(const SharedState& one, const SharedState& other) {
  const auto text = [](const SharedState& state) {
    return std::tuple(state.record->reason, state.record->by);
  };
  const SharedState& named = text(one) >= text(other) ? one : other;
  const SharedState& further = one.stage >= other.stage ? one : other;
  SharedState both = named;
  NodeRecord& record = *both.record;
  const NodeRecord& second = &named == &one ? *other.record : *one.record;
  record.state = std::max(record.state, second.state);
  record.displaced = std::max(record.displaced, second.displaced);
  record.since = std::min(record.since, second.since);
  record.deadline = earlier(record.deadline, second.deadline);
  record.deadline_monotonic.reset();
  record.deadline_duration = std::max(record.deadline_duration.value_or(Millis{0}),
                                      second.deadline_duration.value_or(Millis{0}));
  if (!record.deadline) record.deadline_duration.reset();
  // Votes are for one version, which this one is not: they are taken again.
  both.stage = further.stage == DryStage::announced ? DryStage::announced : DryStage::none;
  both.round = both.stage == DryStage::none ? "" : further.round;
  record.dry = both.stage == DryStage::announced ? Dry::yes : Dry::no;
  return both;
}

SharedState resolve(const SharedState& one, const SharedState& other) {
  const bool one_bleed = one.record && other.record && one.bleed == other.bleed;
  if (one_bleed) return combine(one, other);
  SharedState chosen = rank(one) >= rank(other) ? one : other;
  chosen.stage = DryStage::none;
  chosen.round.clear();
  if (chosen.record) chosen.record->dry = Dry::no;
  return chosen;
}

}  // namespace

SharedState merge(const SharedState& one, const SharedState& other) {
  switch (compare(one.version, other.version)) {
    case Order::same:
    case Order::after:
      return one;
    case Order::before:
      return other;
    case Order::concurrent:
      break;
  }
  SharedState merged = resolve(one, other);
  merged.version = one.version;
  merged.version.join(other.version);
  return merged;
}

bool shares_same(const std::optional<NodeRecord>& one, const std::optional<NodeRecord>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  const auto shared = [](const NodeRecord& record) {
    return std::tie(record.state, record.by, record.reason, record.deadline, record.dry,
                    record.displaced);
  };
  return shared(*one) == shared(*other);
}

}  // namespace bonedry::admin::cluster
