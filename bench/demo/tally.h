#pragma once

#include <cstdint>

namespace bonedry::demo {

/// What the users went through, all together.
struct Tally {
  std::uint64_t users = 0;              ///< who came, those who came back not counted twice
  std::uint64_t clicks = 0;             ///< answered or not; without the crawlers'
  std::uint64_t crawls = 0;             ///< requests of crawlers
  std::uint64_t returns = 0;            ///< visits of users who had been here before
  std::uint64_t returns_elsewhere = 0;  ///< ... to another node, for theirs was out of rotation

  // What must not happen.
  std::uint64_t failed_clicks = 0;    ///< no answer, or not a page of the shop
  std::uint64_t interrupted = 0;      ///< users put on another node, or given a new session
  std::uint64_t carts_lost = 0;       ///< users whose cart was not what they had put in
  std::uint64_t release_changed = 0;  ///< users who saw another release from one click to the next
};

}  // namespace bonedry::demo
