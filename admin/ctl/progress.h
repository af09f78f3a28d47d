#pragma once

#include "admin/ctl/status_parser.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bonedry::ctl {

/// Shows on stderr how a wait goes: on a terminal one line that is redrawn, elsewhere a plain line
/// whenever the figures have changed.
class Progress {
 public:
  enum class Style : std::uint8_t { live, plain };

  explicit Progress(Style style) : style_(style) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Live on a terminal.
  [[nodiscard]] static Style style_of(int fd);

  /// How often new figures are useful.
  [[nodiscard]] Millis interval() const;

  void show(const NodeProgress& figures, Millis elapsed);
  /// Prints another message once: "lost the connection …".
  void note(std::string_view text);
  /// Leaves the cursor at the start of an empty line.
  void clear();

 private:
  void draw(const std::string& line);

  Style style_;
  enum class Line : std::uint8_t { empty, drawn } line_ = Line::empty;
  std::string last_shown_;
};

}  // namespace bonedry::ctl
