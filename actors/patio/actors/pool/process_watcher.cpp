#include <patio/actors/pool/process_watcher.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <patio/actors/pool/process_child.hpp>
#include <patio/actors/pool/process_messages.hpp>

namespace patio {

namespace {

sigset_t only_stop_signal() {
  sigset_t stops;
  ::sigemptyset(&stops);
  ::sigaddset(&stops, stop_signal());
  return stops;
}

} // namespace

void process_watcher::block_stop_signal() {
  auto stops = only_stop_signal();
  ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);
}

process_watcher::process_watcher() {
  auto stops = only_stop_signal();
  int signals = ::signalfd(-1, &stops, SFD_CLOEXEC);
  std::thread{[this, signals] { watch(signals); }}.detach();
}

// The thread must not handle signals that are meant for the program. `fork` in a function takes no
// watcher along: the socket of the new process has FD_CLOEXEC.
void process_watcher::watch(int signals) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pollfd watched[] = {{signals, POLLIN, 0}, {worker_socket, POLLRDHUP, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals, &info, sizeof info) == sizeof info)
        stop(static_cast<std::uint32_t>(info.ssi_int));
    }
    if (watched[1].revents == 0) continue;
    // The main thread sees the end of its input between two calls. Within a call it does not look,
    // so this thread ends the process after a moment.
    (void)::poll(nullptr, 0, 500);
    if (::getpgrp() == ::getpid()) (void)::kill(0, SIGKILL);
    (void)::kill(::getpid(), SIGKILL);
  }
}

void process_watcher::stop(std::uint32_t serial) {
  std::stop_source stop{std::nostopstate};
  {
    std::lock_guard lock{mutex_};
    stopped_ = serial; // the call may not have begun yet
    if (serial == serial_) stop = stop_;
  }
  stop.request_stop(); // without the lock, because stop callbacks run in here
}

process_watcher::stoppable_call::stoppable_call(process_watcher& watcher, std::uint32_t serial)
    : watcher_{watcher} {
  std::lock_guard lock{watcher_.mutex_};
  watcher_.serial_ = serial;
  watcher_.stop_ = stop_;
  if (watcher_.stopped_ == serial) stop_.request_stop(); // nobody waits for the token yet
}

process_watcher::stoppable_call::~stoppable_call() {
  std::lock_guard lock{watcher_.mutex_};
  watcher_.stop_ = std::stop_source{std::nostopstate};
}

} // namespace patio
