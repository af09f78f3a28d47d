#pragma once

#include <pthread.h>

#include <csignal>

namespace bonedry {

/// All signals but those by which a fault of the program itself is told: these must reach their
/// handler, or end the process, where the fault is.
inline sigset_t held_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    sigdelset(&all, fault);
  }
  return all;
}

/// The calling thread, and those that it starts from here on, are interrupted by no signal any
/// more. `main` does so first of all, and signals are read from a descriptor (io::SignalReader):
/// one that comes before the loop runs, or after it, stays pending and ends nothing.
inline void block_signals() {
  const sigset_t held = held_signals();
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

/// Signals act as the system has it.
inline void unblock_signals() {
  const sigset_t held = held_signals();
  pthread_sigmask(SIG_UNBLOCK, &held, nullptr);
}

}  // namespace bonedry
