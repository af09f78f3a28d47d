#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <random>

namespace bonedry::demo {

/// The random numbers of one demo: the same seed gives the same sequence.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Both ends included.
  [[nodiscard]] Millis between(Millis min, Millis max) {
    return Millis{std::uniform_int_distribution<Millis::rep>(min.count(), max.count())(engine_)};
  }
  /// 0 to `bound` - 1.
  [[nodiscard]] unsigned below(unsigned bound) {
    return std::uniform_int_distribution<unsigned>(0, bound - 1)(engine_);
  }
  [[nodiscard]] bool chance(double probability) {
    return std::bernoulli_distribution(probability)(engine_);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace bonedry::demo
