#pragma once

#include <unistd.h>

namespace bonedry::test {

/// Whether a program that only some machines have is there.
inline bool can_run(const char* program) {
  return ::access(program, X_OK) == 0;
}

}  // namespace bonedry::test
