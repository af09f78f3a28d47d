#include "admin/cluster/version_vector.h"

#include <algorithm>

namespace bonedry::admin::cluster {

void VersionVector::join(const VersionVector& other) {
  for (const auto& [member, count] : other.counts_) {
    std::uint64_t& mine = counts_[member];
    mine = std::max(mine, count);
  }
}

bool covers(const VersionVector& one, const VersionVector& other) {
  return std::ranges::all_of(other.counts(), [&one](const auto& entry) {
    const auto found = one.counts().find(entry.first);
    return found != one.counts().end() && found->second >= entry.second;
  });
}

Order compare(const VersionVector& one, const VersionVector& other) {
  const bool knows_other = covers(one, other);
  const bool known_to_other = covers(other, one);
  if (knows_other && known_to_other) return Order::same;
  if (knows_other) return Order::after;
  return known_to_other ? Order::before : Order::concurrent;
}

}  // namespace bonedry::admin::cluster
