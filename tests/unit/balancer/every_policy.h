#pragma once

#include "conf/config.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::balancer::test {

/// Parameters for tests that run under every policy.
inline auto every_policy() {
  using enum conf::Balance;
  return testing::Values(least_sessions, round_robin, least_exchanges, random);
}

inline std::string name_of(conf::Balance balance) {
  switch (balance) {
    case conf::Balance::least_sessions:
      return "LeastSessions";
    case conf::Balance::round_robin:
      return "RoundRobin";
    case conf::Balance::least_exchanges:
      return "LeastExchanges";
    case conf::Balance::random:
      return "Random";
  }
  return "Unknown";
}

inline std::string name_of_param(const testing::TestParamInfo<conf::Balance>& info) {
  return name_of(info.param);
}

}  // namespace bonedry::balancer::test
