#pragma once

#include "bench/demo/loop.h"
#include "bench/demo/screen_state.h"

#include <memory>
#include <string>

namespace bonedry::demo {

/// Shows the demo on standard output: events as lines, and the current ScreenState.
class Screen {
 public:
  virtual ~Screen() = default;

  /// Prints one event, with the time since the start.
  virtual void log(const std::string& event) = 0;
  /// Stops drawing; the last state stays on the screen.
  virtual void stop() = 0;
};

/// Redraws a dashboard below the events when standard output is a terminal, else prints the state
/// as a plain line every second. Calls `source` whenever it prints.
[[nodiscard]] std::unique_ptr<Screen> make_screen(Loop& loop, ScreenStateSource source);

}  // namespace bonedry::demo
