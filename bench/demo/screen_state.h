#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// What the screen shows at one moment.
struct ScreenState {
  /// As the proxy reports it, except `release` and `expected`.
  struct Node {
    std::string name;
    std::string state;
    std::string health;
    unsigned release = 0;  ///< 0: the shop is stopped
    std::int64_t live = 0;
    std::int64_t pending = 0;
    std::int64_t exchanges_open = 0;
    std::int64_t expected = 0;  ///< live and pending sessions, as far as the users know
  };

  Millis elapsed{0};
  std::string phase;      ///< what the demo does at the moment
  std::string dashboard;  ///< its URL; empty: not known yet
  std::vector<Node> nodes;
  std::uint64_t active_users = 0;
  std::int64_t full_bar = 1;  ///< the number of sessions that a bar of full length stands for
  std::uint64_t total_users = 0;
  std::uint64_t clicks = 0;
  std::uint64_t failed_clicks = 0;
  std::uint64_t carts_lost = 0;
  std::int64_t largest_difference = 0;  ///< so far, between a reported and the expected count
  std::int64_t in_transit = 0;          ///< sessions in transit at that moment
};

using ScreenStateSource = std::function<ScreenState()>;

/// "24.3 s", padded on the left to the width of two digits.
[[nodiscard]] std::string format_elapsed(Millis elapsed);

}  // namespace bonedry::demo
