#pragma once

#include <pthread.h>

#include <csignal>

namespace bonedry {

/// The calling thread is sent no signal any more. Signals are the main thread's, and at the very
/// end nobody's: one that comes then stays pending, so that it does not decide how the process
/// ends. What the thread does itself is no signal of others: blocked, a fault would kill the
/// process without the handler that says why.
inline void block_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace bonedry
