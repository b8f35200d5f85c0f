#include <patio/actors/os/signals.hpp>

#include <csignal>
#include <pthread.h>
#include <time.h>

#include <initializer_list>

#include <patio/actors/os/descriptors.hpp>
#include <patio/actors/os/memory_trimmer.hpp>

namespace patio {

void block_signals() {
  occupy_standard_descriptors();
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
  memory_trimmer trimmer;
  for (;;) {
    constexpr timespec wait{memory_trimmer::interval.count(), 0};
    int received = ::sigtimedwait(&wanted, nullptr, &wait);
    if (received > 0) return received;
    trimmer.check();
  }
}

} // namespace patio
