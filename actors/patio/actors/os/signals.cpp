#include <patio/actors/os/signals.hpp>

#include <csignal>
#include <pthread.h>

namespace patio {

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  // A signal that reports a fault of the thread itself must reach the thread.
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGHUP);
  int received = 0;
  while (sigwait(&wanted, &received) != 0) {}
  return received;
}

} // namespace patio
