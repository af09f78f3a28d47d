#pragma once

#include <cstdint>
#include <string>

namespace bonedry::ctl {

/// One key of a terminal.
struct Key {
  enum class Kind : std::uint8_t {
    character,
    up,
    down,
    page_up,
    page_down,
    first,
    last,
    enter,
    escape,
    backspace,
    clear,  ///< Ctrl-U: all that was entered
    other,  ///< also: the size has changed
  };
  Kind kind = Kind::other;
  std::string text = {};  ///< of a character: printable UTF-8
};

}  // namespace bonedry::ctl
