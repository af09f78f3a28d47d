#pragma once

#include <pthread.h>

#include <csignal>

namespace bonedry {

/// All signals except those that report a fault of the program itself: these must reach their
/// handler, or end the process, where the fault is.
inline sigset_t held_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    sigdelset(&all, fault);
  }
  return all;
}

/// Blocks `held_signals` in the calling thread and in the threads that it starts from now on.
/// `main` does this at its start, and signals are read from a descriptor (io::SignalReader): one
/// that arrives before the loop runs, or after it, stays pending and does not end the process.
inline void block_signals() {
  const sigset_t held = held_signals();
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

/// Unblocks `held_signals` in the calling thread.
inline void unblock_signals() {
  const sigset_t held = held_signals();
  pthread_sigmask(SIG_UNBLOCK, &held, nullptr);
}

}  // namespace bonedry
