#include "balancer/policy.h"

#include "proxy/base/random.h"

#include <algorithm>
#include <vector>

namespace bonedry::balancer {
namespace {

using Load = std::int64_t Candidate::*;

/// Whether `a` with one more session or exchange has less load per weight than `b` with one more;
/// by cross-multiplication, which is exact and needs no division.
bool lighter(const Candidate& a, const Candidate& b, Load load) {
  return (a.*load + 1) * std::int64_t{b.weight} < (b.*load + 1) * std::int64_t{a.weight};
}

/// Chooses the least loaded by weight. Ties are broken from a random start, so that an idle pool
/// does not fill its first node.
class LeastLoaded final : public Policy {
 public:
  LeastLoaded(Load load, std::uint64_t seed) : load_(load), random_(seed) {}

  std::size_t choose(std::span<const Candidate> candidates) override {
    const std::size_t start = random_.below(static_cast<std::uint32_t>(candidates.size()));
    std::size_t best = start;
    for (std::size_t step = 1; step < candidates.size(); ++step) {
      const std::size_t at = (start + step) % candidates.size();
      if (lighter(candidates[at], candidates[best], load_)) best = at;
    }
    return best;
  }

 private:
  Load load_;
  Random random_;
};

/// Smooth weighted round-robin, as in nginx: each candidate's credit grows by its weight; the one
/// with the most credit is chosen and pays the sum of the weights.
class RoundRobin final : public Policy {
 public:
  std::size_t choose(std::span<const Candidate> candidates) override {
    std::int64_t sum = 0;
    std::size_t best = 0;
    for (std::size_t at = 0; at < candidates.size(); ++at) {
      const Candidate& candidate = candidates[at];
      if (candidate.index >= credit_.size()) credit_.resize(candidate.index + 1, 0);
      credit_[candidate.index] += candidate.weight;
      sum += candidate.weight;
      if (credit_[candidate.index] > credit_[candidates[best].index]) best = at;
    }
    credit_[candidates[best].index] -= sum;
    return best;
  }

 private:
  std::vector<std::int64_t> credit_;  // by index in the pool
};

/// Power of two choices: draws two by weight and chooses the less loaded.
class TwoChoices final : public Policy {
 public:
  TwoChoices(Load load, std::uint64_t seed) : load_(load), random_(seed) {}

  std::size_t choose(std::span<const Candidate> candidates) override {
    const std::size_t first = draw(candidates);
    const std::size_t second = draw(candidates);
    return lighter(candidates[second], candidates[first], load_) ? second : first;
  }

 private:
  std::size_t draw(std::span<const Candidate> candidates) {
    std::uint32_t sum = 0;
    for (const Candidate& candidate : candidates) sum += candidate.weight;
    std::uint32_t ticket = random_.below(sum);
    for (std::size_t at = 0; at < candidates.size(); ++at) {
      if (ticket < candidates[at].weight) return at;
      ticket -= candidates[at].weight;
    }
    return candidates.size() - 1;
  }

  Load load_;
  Random random_;
};

}  // namespace

std::unique_ptr<Policy> make_policy(conf::Balance balance, conf::Sticky sticky,
                                    std::uint64_t seed) {
  // Without stickiness there are no sessions, and exchanges are the only load.
  const Load load = sticky == conf::Sticky::none ? &Candidate::exchanges : &Candidate::sessions;
  switch (balance) {
    case conf::Balance::least_sessions:
      return std::make_unique<LeastLoaded>(load, seed);
    case conf::Balance::least_exchanges:
      return std::make_unique<LeastLoaded>(&Candidate::exchanges, seed);
    case conf::Balance::round_robin:
      return std::make_unique<RoundRobin>();
    case conf::Balance::random:
      break;
  }
  return std::make_unique<TwoChoices>(load, seed);
}

}  // namespace bonedry::balancer
