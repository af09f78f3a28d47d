#include "balancer/rendezvous.h"

#include "proxy/base/fingerprint.h"

#include <bit>

namespace bonedry::balancer {
namespace {

constexpr unsigned kFractionBits = 32;

/// The finaliser of SplitMix64: every bit of the input changes each bit of the result in half of
/// all cases, which fingerprint() alone does not do.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EB;
  return value ^ (value >> 31U);
}

/// log2 of a number above 0, in units of 2^-32, by repeated squaring. In integers, since libraries
/// may round the logarithm of a double differently.
std::uint64_t log2_of(std::uint64_t number) {
  const auto zeros = static_cast<unsigned>(std::countl_zero(number));
  std::uint64_t log = 63U - zeros;
  std::uint64_t mantissa = (number << zeros) >> 32U;  // in [1, 2), in units of 2^-31
  for (unsigned bit = 0; bit < kFractionBits; ++bit) {
    mantissa = (mantissa * mantissa) >> 31U;
    const std::uint64_t is_two_or_more = mantissa >> 32U;
    mantissa >>= is_two_or_more;
    log = log << 1U | is_two_or_more;
  }
  return log;
}

}  // namespace

std::uint64_t placement_cost(const PlacementKey& key, std::string_view node) {
  const std::uint64_t hash = mix(key.high ^ mix(key.low ^ mix(fingerprint(node))));
  return (std::uint64_t{64} << kFractionBits) - log2_of(hash == 0 ? 1 : hash);
}

/// A cost has less than 39 bits and a weight less than 11, so the products are exact.
std::size_t choose_by_key(const PlacementKey& key, const PoolView& pool,
                          std::span<const Candidate> candidates) {
  const auto name = [&](std::size_t at) -> std::string_view {
    return pool.nodes[candidates[at].index].node->name();
  };
  std::size_t best = 0;
  std::uint64_t best_cost = placement_cost(key, name(best));
  for (std::size_t at = 1; at < candidates.size(); ++at) {
    const std::uint64_t cost = placement_cost(key, name(at));
    const std::uint64_t own = cost * candidates[best].weight;
    const std::uint64_t other = best_cost * candidates[at].weight;
    if (own > other || (own == other && name(at) > name(best))) continue;
    best = at;
    best_cost = cost;
  }
  return best;
}

}  // namespace bonedry::balancer
