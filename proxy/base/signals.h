#pragma once

#include <pthread.h>

#include <csignal>

namespace bonedry {

/// The calling thread is sent no signal any more. Signals are the main thread's, and at the very
/// end nobody's: one that comes then stays pending, so that it does not decide how the process
/// ends.
inline void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace bonedry
