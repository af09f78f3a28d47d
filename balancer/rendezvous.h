#pragma once

#include "balancer/policy.h"
#include "balancer/topology.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bonedry::balancer {

/// The bits of a session's key: what they are is up to the caller, but they must look random.
struct PlacementKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

/// What it costs to put this session on that node: -log2(u), where u in (0, 1] is a hash of key and
/// name, in units of 2^-32. Depends on nothing else, so all processes on all machines agree.
[[nodiscard]] std::uint64_t placement_cost(const PlacementKey& key, std::string_view node);

/// Weighted rendezvous hashing: the candidate with the least cost per weight, whatever their order.
/// Each gets a share of the keys that follows its weight; when one is left out, only the keys that
/// were on it go elsewhere. Returns a position in `candidates`, which is not empty and whose
/// weights are not 0.
[[nodiscard]] std::size_t choose_by_key(const PlacementKey& key, const PoolView& pool,
                                        std::span<const Candidate> candidates);

}  // namespace bonedry::balancer
