#pragma once

#include "proxy/base/clock.h"

#include <cstdint>
#include <string>

namespace bonedry::admin {

/// Something that happened and that an operator may want to know later.
struct Event {
  WallTime at;
  std::string kind;  ///< one word: "bleed", "dry", "activate", "maintain", "health", "reload", …
  std::string node;  ///< "shop/alice", or empty
  std::string text;  ///< one line for people
  std::string by = {};      ///< the user who asked for it; empty: nobody did
  std::string reason = {};  ///< as that user has given it
  /// Each event has a higher one than the event before, also after a restart; 0: none yet.
  std::uint64_t id = 0;

  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace bonedry::admin
