#pragma once

#include "bench/demo/screen.h"

#include <cstddef>
#include <string>
#include <vector>

namespace bonedry::demo {

/// The events scroll; the dashboard stays below them and is redrawn in place. Uses colours unless
/// NO_COLOR is set, and block characters where the locale has them.
class TerminalScreen final : public Screen {
 public:
  TerminalScreen(Loop& loop, ScreenStateSource source);
  ~TerminalScreen() override;

  void log(const std::string& event) override;
  void stop() override;

 private:
  enum class Colour : unsigned char { none, bold, dim, red, green, yellow, blue, cyan };

  [[nodiscard]] std::string paint(Colour colour, const std::string& text) const;
  [[nodiscard]] Colour colour_of(const std::string& word) const;
  [[nodiscard]] std::string bar(const ScreenState::Node& node, const ScreenState& state) const;
  [[nodiscard]] std::string row(const ScreenState::Node& node, const ScreenState& state) const;
  [[nodiscard]] std::vector<std::string> dashboard(const ScreenState& state) const;
  void draw();

  ScreenStateSource source_;
  bool coloured_;
  bool has_blocks_;
  bool stopped_ = false;
  std::vector<std::string> pending_lines_;  // of events that were not drawn yet
  std::size_t dashboard_height_ = 0;        // lines of the dashboard on the terminal now
  Timer timer_;
};

}  // namespace bonedry::demo
