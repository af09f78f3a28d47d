#pragma once

#include "bench/demo/browser.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <string>

namespace bonedry::demo {

/// What happened to all simulated users together.
struct UserCounters {
  std::uint64_t users = 0;   ///< returning users are counted once
  std::uint64_t clicks = 0;  ///< with and without a response; not of crawlers
  std::uint64_t crawler_requests = 0;
  /// Sent again, because a proxy was down; also of crawlers.
  std::uint64_t clicks_repeated = 0;
  Millis longest_click{0};
  std::uint64_t returns = 0;                ///< users who came back after their session had expired
  std::uint64_t returns_to_other_node = 0;  ///< ... because theirs was out of rotation

  /// Counts a failed click.
  void click_failed(const ClickResult& result);

  // Failures: all of these must stay 0.
  std::uint64_t failed_clicks = 0;    ///< no response, or not a page of the shop; also of crawlers
  std::string first_failed_click;     ///< what came of it
  std::uint64_t sessions_lost = 0;    ///< moved to another node, or replaced by a new session
  std::uint64_t carts_lost = 0;       ///< the cart differed from what the user had put in
  std::uint64_t release_changes = 0;  ///< a page came from another release than the one before
};

}  // namespace bonedry::demo
