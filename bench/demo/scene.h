#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// The figures of one moment, for the screen.
struct Scene {
  struct Node {
    std::string name;
    std::string state;
    std::string health;
    unsigned version = 0;  ///< 0: the shop is closed
    std::int64_t live = 0;
    std::int64_t pending = 0;
    std::int64_t truth = 0;
    std::int64_t exchanges_open = 0;
  };

  Millis elapsed{0};
  std::string act;  ///< the current act of the story
  std::vector<Node> nodes;
  std::uint64_t shopping = 0;
  std::int64_t full_bar = 1;  ///< the number of sessions in a full bar
  std::uint64_t users = 0;
  std::uint64_t clicks = 0;
  std::uint64_t failed_clicks = 0;
  std::uint64_t carts_lost = 0;
  std::int64_t difference = 0;  ///< the largest so far between a reported and the true count
  std::int64_t transit = 0;     ///< users in transit at that moment
};

using SceneSource = std::function<Scene()>;

/// "24.3 s", padded on the left to the width of two digits.
[[nodiscard]] std::string stage_time(Millis elapsed);

}  // namespace bonedry::demo
