#pragma once

#include "bench/demo/loop.h"
#include "bench/demo/scene.h"

#include <memory>
#include <string>

namespace bonedry::demo {

/// Prints the story on standard output: line by line, with the live figures in between.
class Screen {
 public:
  virtual ~Screen() = default;

  /// One line of the story.
  virtual void say(const std::string& line) = 0;
  /// Stops drawing; the last figures stay on the screen.
  virtual void curtain() = 0;
};

/// Redraws a dashboard below the story when standard output is a terminal, else prints the figures
/// as a plain line every second. Calls `source` for them whenever they are drawn.
[[nodiscard]] std::unique_ptr<Screen> make_screen(Loop& loop, SceneSource source);

}  // namespace bonedry::demo
