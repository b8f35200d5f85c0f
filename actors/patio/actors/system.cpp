#include <patio/actors/system.hpp>

#include <csignal>
#include <pthread.h>

#include <caf/io/middleman.hpp>

#include <patio/actors/caf_error.hpp>

namespace patio {

system_config::system_config() {
  load<caf::io::middleman>();
  add_error_category(caf::atom("patio"), [](std::uint8_t code, caf::atom_value category, const caf::message& context) {
    return to_string(from_caf({code, category, context}));
  });
  set("scheduler.policy", caf::atom("sharing"));
  set("middleman.max-consecutive-reads", std::size_t{1});
}

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
