#pragma once

#include "conf/config.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace bonedry::balancer {

/// A node that may be chosen, as a policy sees it.
struct Candidate {
  std::size_t index = 0;  ///< in the pool; stable while the topology is
  std::uint32_t weight = 100;
  std::int64_t sessions = 0;
  std::int64_t exchanges = 0;
};

/// Chooses one of the candidates. It neither retries nor judges whether a node is usable: the
/// caller leaves out unusable nodes, and calls again without those that failed. Owned by one
/// worker.
class Policy {
 public:
  virtual ~Policy() = default;
  /// A position in `candidates`, which is not empty and whose weights are not 0.
  [[nodiscard]] virtual std::size_t choose(std::span<const Candidate> candidates) = 0;
};

[[nodiscard]] std::unique_ptr<Policy> make_policy(conf::Balance balance, conf::Sticky sticky,
                                                  std::uint64_t seed);

}  // namespace bonedry::balancer
