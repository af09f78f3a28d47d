#pragma once

#include <fcntl.h>

#include <cerrno>

namespace bonedry {

/// Opens /dev/null in place of a closed standard input, output or error: otherwise the next file
/// opened would get its number, and what is written to it. The first thing that `main` does.
inline void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    // The lowest number that is free is this one.
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDWR | O_NOCTTY);
  }
}

}  // namespace bonedry
