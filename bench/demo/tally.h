#pragma once

#include <cstdint>

namespace bonedry::demo {

/// The experience of all users together.
struct Tally {
  std::uint64_t users = 0;              ///< returning users are counted once
  std::uint64_t clicks = 0;             ///< with and without a response; crawlers not included
  std::uint64_t crawls = 0;             ///< requests of crawlers
  std::uint64_t returns = 0;            ///< visits of users who had been here before
  std::uint64_t returns_elsewhere = 0;  ///< ... to another node; theirs was out of rotation

  // Failures; all of these must stay 0.
  std::uint64_t failed_clicks = 0;    ///< no response, or not a page of the shop
  std::uint64_t interrupted = 0;      ///< users put on another node, or given a new session
  std::uint64_t carts_lost = 0;       ///< users whose cart differed from what they had put in
  std::uint64_t release_changed = 0;  ///< users whose next page came from another release
};

}  // namespace bonedry::demo
