#include "admin/ctl/watch/known_terminal.h"

#include <ncurses.h>
#include <unistd.h>
// Last, and in a file of its own: it has macros for common words, such as `lines`.
#include <term.h>

namespace bonedry::ctl {

bool is_known_terminal() {
  int found = 0;
  if (::setupterm(nullptr, STDOUT_FILENO, &found) != OK) return false;
  ::del_curterm(cur_term);  // newterm reads it again
  return true;
}

}  // namespace bonedry::ctl
