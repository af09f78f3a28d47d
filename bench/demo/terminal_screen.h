#pragma once

#include "bench/demo/screen.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::demo {

/// The story scrolls; the figures stay below it and are redrawn in place. Uses colours unless
/// NO_COLOR is set, and block characters where the locale has them.
class TerminalScreen final : public Screen {
 public:
  TerminalScreen(Loop& loop, SceneSource source);
  ~TerminalScreen() override;

  void say(const std::string& line) override;
  void curtain() override;

 private:
  enum class Colour : unsigned char { none, bold, dim, red, green, yellow, blue, cyan };

  [[nodiscard]] std::string paint(Colour colour, const std::string& text) const;
  [[nodiscard]] Colour colour_of(const std::string& word) const;
  [[nodiscard]] std::string bar(const Scene::Node& node, const Scene& scene) const;
  [[nodiscard]] std::string row(const Scene::Node& node, const Scene& scene) const;
  [[nodiscard]] std::vector<std::string> dashboard(const Scene& scene) const;
  void draw();

  SceneSource source_;
  bool coloured_;
  bool has_blocks_;
  bool open_ = true;
  std::vector<std::string> unsaid_;  // story lines that were not drawn yet
  std::size_t drawn_ = 0;            // lines of the dashboard on the terminal now
  Timer timer_;
};

}  // namespace bonedry::demo
