#include <patio/actors/decoder.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <patio/actors/system.hpp>

namespace patio {
namespace {

constexpr std::size_t most_untaken = 2; ///< as each may take all the memory that a pickle may
constexpr int niceness = 5;             ///< who sends much waits behind the many who send little

} // namespace

struct decoder::state {
  std::mutex mutex; ///< guards all but `thread`
  std::condition_variable changed;
  std::deque<std::pair<job, on_decoded>> waiting;
  std::vector<job> discarded;
  std::size_t untaken = 0;
  bool due_to_stop = false;
  std::thread thread;

  void run() {
    block_signals();
    (void)::pthread_setname_np(::pthread_self(), "patio.decoder");
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), niceness); // of this thread alone
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return due_to_stop || may_begin() || !discarded.empty(); });
      if (due_to_stop) return;
      auto over = std::exchange(discarded, {});
      std::pair<job, on_decoded> next;
      if (may_begin()) {
        ++untaken;
        next = std::move(waiting.front());
        waiting.pop_front();
      }
      lock.unlock();
      over.clear();
      if (next.first) {
        next.first->run();
        next.second(std::move(next.first));
      }
      next = {};
      lock.lock();
    }
  }

  [[nodiscard]] bool may_begin() const { return !waiting.empty() && untaken < most_untaken; }

  void changes() {
    if (!thread.joinable()) thread = std::thread{[this] { run(); }};
    changed.notify_one();
  }
};

decoder::decoder() : state_{std::make_unique<state>()} {}

decoder::~decoder() {
  if (!state_->thread.joinable()) return;
  {
    std::lock_guard lock{state_->mutex};
    state_->due_to_stop = true;
    state_->changed.notify_one();
  }
  state_->thread.join();
}

void decoder::run(job what, on_decoded tell) {
  std::lock_guard lock{state_->mutex};
  state_->waiting.emplace_back(std::move(what), std::move(tell));
  state_->changes();
}

void decoder::taken() noexcept {
  std::lock_guard lock{state_->mutex};
  --state_->untaken;
  state_->changed.notify_one();
}

void decoder::discard(job what) {
  std::lock_guard lock{state_->mutex};
  state_->discarded.push_back(std::move(what));
  state_->changes();
}

} // namespace patio
