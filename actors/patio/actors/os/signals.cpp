#include <patio/actors/os/signals.hpp>

#include <csignal>
#include <pthread.h>

namespace patio {

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  // These report a fault of the thread itself and must stay deliverable.
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
  int which = 0;
  while (sigwait(&wanted, &which) != 0) {}
  return which;
}

} // namespace patio
