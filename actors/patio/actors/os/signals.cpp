#include <patio/actors/os/signals.hpp>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include <patio/actors/os/descriptors.hpp>
#include <patio/actors/os/memory_trimmer.hpp>

namespace patio {
namespace {

sigset_t all_but_faults() {
  sigset_t all;
  sigfillset(&all);
  // A signal that reports a fault of the thread itself must reach the thread.
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  return all;
}

constexpr std::array ends{SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> is_waiting = false;
std::atomic<int> received = 0;
std::atomic<int> wake_descriptor = -1; ///< an eventfd; open until the process ends, for note_signal

void wake() noexcept {
  constexpr std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(wake_descriptor, &one, sizeof one);
}

void clear_wake() {
  if (wake_descriptor < 0) wake_descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_descriptor < 0) throw std::system_error{errno, std::system_category(), "eventfd"};
  std::uint64_t earlier = 0;
  [[maybe_unused]] auto count = ::read(wake_descriptor, &earlier, sizeof earlier);
}

// Any thread that does not block the signal may run this.
extern "C" void note_signal(int number) {
  int outside = errno;
  received = number;
  wake();
  errno = outside;
}

/// Handles the signals for a scope. Only wait() lets them reach this thread, so that no signal gets
/// lost between two waits.
class signal_watch {
public:
  signal_watch() {
    clear_wake();
    received = 0;
    sigset_t mine;
    sigemptyset(&mine);
    for (int number : ends) sigaddset(&mine, number);
    pthread_sigmask(SIG_BLOCK, &mine, &outside_);
    while_waiting_ = outside_;
    for (int number : ends) sigdelset(&while_waiting_, number);
    struct sigaction note {};
    note.sa_handler = note_signal;
    note.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < ends.size(); ++i) ::sigaction(ends[i], &note, &before_[i]);
  }
  ~signal_watch() {
    for (std::size_t i = 0; i < ends.size(); ++i) ::sigaction(ends[i], &before_[i], nullptr);
    pthread_sigmask(SIG_SETMASK, &outside_, nullptr);
  }
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// Returns false after the longest time.
  [[nodiscard]] bool wait(std::chrono::seconds longest) const {
    pollfd polled{wake_descriptor, POLLIN, 0};
    timespec time{longest.count(), 0};
    return ::ppoll(&polled, 1, &time, &while_waiting_) != 0;
  }

private:
  sigset_t outside_, while_waiting_;
  std::array<struct sigaction, ends.size()> before_;
};

struct sole_waiter {
  sole_waiter() {
    if (is_waiting.exchange(true))
      throw std::logic_error{"another thread waits for the signals of this process already"};
  }
  ~sole_waiter() { is_waiting = false; }
  sole_waiter(const sole_waiter&) = delete;
  sole_waiter& operator=(const sole_waiter&) = delete;
};

} // namespace

void block_signals() {
  occupy_standard_descriptors();
  auto all = all_but_faults();
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

signals_blocked::signals_blocked() {
  auto all = all_but_faults();
  pthread_sigmask(SIG_BLOCK, &all, &outside_);
}

signals_blocked::~signals_blocked() { pthread_sigmask(SIG_SETMASK, &outside_, nullptr); }

int wait_for_signal(const std::stop_token& stop) {
  sole_waiter alone;
  signal_watch signals;
  std::stop_callback on_stop{stop, [] { wake(); }};
  memory_trimmer trimmer;
  while (received == 0 && !stop.stop_requested()) {
    if (!signals.wait(memory_trimmer::interval)) trimmer.check();
  }
  return received;
}

} // namespace patio
