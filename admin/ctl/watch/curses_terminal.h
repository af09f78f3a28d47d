#pragma once

#include "admin/ctl/watch/key.h"
#include "admin/ctl/watch/picture.h"

#include <termios.h>

#include <cstdint>
#include <memory>
#include <optional>

struct screen;  // ncurses' SCREEN

namespace bonedry::ctl {

/// The terminal of this process, taken over by ncurses until this object ends. There is one at a
/// time. Ctrl-Z and a new size are ncurses' own business.
class CursesTerminal {
 public:
  /// Null: stdin and stdout are no terminal, or one that cannot place text.
  [[nodiscard]] static std::unique_ptr<CursesTerminal> open();
  ~CursesTerminal();
  CursesTerminal(const CursesTerminal&) = delete;
  CursesTerminal& operator=(const CursesTerminal&) = delete;

  [[nodiscard]] ScreenSize size() const;
  [[nodiscard]] Charset charset() const { return charset_; }

  enum class Shown : std::uint8_t { no, yes };
  /// Does not wait for a terminal that takes no output (Ctrl-S, a connection that hangs): then it
  /// shows nothing.
  Shown show(const Picture& picture);
  /// Does not block. Nothing: no key was pressed.
  [[nodiscard]] std::optional<Key> read_key();

 private:
  enum class Colours : std::uint8_t { none, some };
  CursesTerminal(screen* made, const termios& before, Charset charset, Colours colours)
      : screen_(made), before_(before), charset_(charset), colours_(colours) {}
  void set_style(Style style) const;

  screen* screen_;
  termios before_;  // its settings
  Charset charset_;
  Colours colours_;
};

}  // namespace bonedry::ctl
