#pragma once

#include "admin/ctl/watch/picture.h"
#include "admin/ctl/watch/watch_operator.h"
#include "admin/ctl/watch/watch_status.h"
#include "proxy/base/clock.h"

#include <deque>
#include <optional>
#include <string>

namespace bonedry::ctl {

/// All that the screen of `watch` shows.
struct WatchView {
  const WatchedStatus& status;
  const WatchState& state;
  const std::deque<std::string>& events;  ///< printable, the newest last
  std::string heading;                    ///< printable: the pool, or nothing
  /// Why the figures are old, and how old they are; nothing: they are not.
  struct Stale {
    Millis age{0};
    std::string why;  ///< printable
  };
  std::optional<Stale> stale = std::nullopt;
};

/// The screen: a pure function of its arguments. At most `size.rows` lines, none wider than
/// `size.columns`.
[[nodiscard]] Picture watch_picture(const WatchView& view, ScreenSize size, Charset charset);

}  // namespace bonedry::ctl
