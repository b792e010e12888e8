// The signals that are asked to end us, or to read again.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace kubecliff {

// SIGTERM, SIGINT and SIGHUP.
[[nodiscard]] inline sigset_t handled_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

// For the calling thread and all that it starts: they wait until they are taken.
inline void block_signals() {
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace kubecliff
