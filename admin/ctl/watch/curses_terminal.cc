#include "admin/ctl/watch/curses_terminal.h"

#include "admin/ctl/colour.h"
#include "admin/ctl/watch/known_terminal.h"

#define NCURSES_NOMACROS 1  // NOLINT: ncurses asks for it so; its macros have common names
#include <langinfo.h>
#include <ncurses.h>
#include <poll.h>
#include <unistd.h>

#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <cwctype>
#include <string_view>

namespace bonedry::ctl {
namespace {

/// How long ncurses waits for the rest of a key that begins with Esc: a slow line sends its bytes
/// one by one.
constexpr int kEscapeDelay = 100;

Key::Kind kind_of_code(wint_t code) {
  switch (code) {
    case KEY_UP:
      return Key::Kind::up;
    case KEY_DOWN:
      return Key::Kind::down;
    case KEY_PPAGE:
      return Key::Kind::page_up;
    case KEY_NPAGE:
      return Key::Kind::page_down;
    case KEY_HOME:
      return Key::Kind::first;
    case KEY_END:
      return Key::Kind::last;
    case KEY_ENTER:
      return Key::Kind::enter;
    case KEY_BACKSPACE:
      return Key::Kind::backspace;
    default:
      return Key::Kind::other;
  }
}

Key::Kind kind_of_control(wint_t character) {
  switch (character) {
    case L'\n':
    case L'\r':
      return Key::Kind::enter;
    case 0x1b:
      return Key::Kind::escape;
    case 0x08:
    case 0x7f:
      return Key::Kind::backspace;
    case 0x15:
      return Key::Kind::clear;
    default:
      return Key::Kind::other;
  }
}

/// UTF-8, which the proxy and the picture take, whatever the locale is (RFC 3629, 3).
std::string bytes_of(wint_t character) {
  const auto code = static_cast<std::uint32_t>(character);
  const auto byte = [code](std::uint32_t mark, unsigned shift, std::uint32_t mask) {
    return static_cast<char>(mark | ((code >> shift) & mask));
  };
  const auto next = [&byte](unsigned shift) { return byte(0x80, shift, 0x3f); };
  if (code < 0x80) return {byte(0, 0, 0x7f)};
  if (code < 0x800) return {byte(0xc0, 6, 0x1f), next(0)};
  if (code < 0x10000) return {byte(0xe0, 12, 0x0f), next(6), next(0)};
  return {byte(0xf0, 18, 0x07), next(12), next(6), next(0)};
}

bool takes_output() {
  pollfd terminal{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLOUT) != 0;
}

bool is_dumb() {
  const char* const term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread
  return term == nullptr || std::string_view(term) == "dumb";
}

void define_colours() {
  ::start_color();
  ::use_default_colors();
  const auto define = [](Style style, short colour) {
    ::init_pair(static_cast<short>(style), colour, -1);
  };
  define(Style::good, COLOR_GREEN);
  define(Style::warning, COLOR_YELLOW);
  define(Style::bad, COLOR_RED);
  define(Style::calm, COLOR_CYAN);
}

}  // namespace

std::unique_ptr<CursesTerminal> CursesTerminal::open() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0 || is_dumb()) return nullptr;
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): one thread
  const bool utf8 = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  if (!is_known_terminal()) return nullptr;
  SCREEN* const made = ::newterm(nullptr, stdout, stdin);
  if (made == nullptr) return nullptr;
  const bool coloured = may_colour(STDOUT_FILENO) && ::has_colors();
  ::cbreak();
  ::noecho();
  ::nonl();
  ::set_escdelay(kEscapeDelay);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  if (coloured) define_colours();
  return std::unique_ptr<CursesTerminal>(
      new CursesTerminal(made, before, utf8 ? Charset::utf8 : Charset::ascii,
                         coloured ? Colours::some : Colours::none));
}

CursesTerminal::~CursesTerminal() {
  if (!takes_output()) {
    // As Ctrl-Q: TCOON alone undoes no Ctrl-S.
    ::tcflow(STDOUT_FILENO, TCOOFF);
    ::tcflow(STDOUT_FILENO, TCOON);
  }
  if (takes_output()) {
    ::endwin();
  } else {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  ::delscreen(screen_);
}

ScreenSize CursesTerminal::size() const {
  return {static_cast<std::size_t>(getmaxx(stdscr)), static_cast<std::size_t>(getmaxy(stdscr))};
}

CursesTerminal::Shown CursesTerminal::show(const Picture& picture) {
  if (!takes_output()) return Shown::no;
  ::werase(stdscr);
  for (std::size_t row = 0; row < picture.lines.size(); ++row) {
    ::wmove(stdscr, static_cast<int>(row), 0);
    for (const Span& span : picture.lines[row]) {
      set_style(span.style);
      ::waddnstr(stdscr, span.text.data(), static_cast<int>(span.text.size()));
    }
  }
  ::wattrset(stdscr, static_cast<int>(A_NORMAL));
  ::curs_set(picture.cursor ? 1 : 0);
  if (picture.cursor) {
    ::wmove(stdscr, static_cast<int>(picture.cursor->second),
            static_cast<int>(picture.cursor->first));
  }
  ::wrefresh(stdscr);
  return Shown::yes;
}

void CursesTerminal::set_style(Style style) const {
  attr_t attributes = A_NORMAL;
  if (style == Style::strong || style == Style::bad) attributes |= A_BOLD;
  if (style == Style::faint) attributes |= A_DIM;
  if (style == Style::chosen) attributes |= A_REVERSE;
  ::wattrset(stdscr, static_cast<int>(attributes));
  if (colours_ == Colours::none) return;
  switch (style) {
    case Style::good:
    case Style::warning:
    case Style::bad:
    case Style::calm:
      ::wattron(stdscr, COLOR_PAIR(static_cast<int>(style)));
      return;
    default:
      return;
  }
}

std::optional<Key> CursesTerminal::read_key() {
  wint_t read = 0;
  const int found = ::wget_wch(stdscr, &read);
  if (found == KEY_CODE_YES) return Key{kind_of_code(read)};
  if (found == ERR) return std::nullopt;
  if (read == 0x0c) ::clearok(stdscr, TRUE);  // Ctrl-L: draws everything again
  if (std::iswprint(read) == 0) return Key{kind_of_control(read)};
  return Key{Key::Kind::character, bytes_of(read)};
}

}  // namespace bonedry::ctl
