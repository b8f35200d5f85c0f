#include <patio/actors/os/decoder.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio {
namespace {

constexpr std::size_t max_untaken = 2; ///< each job may hold limits::pickle.memory_bytes
constexpr int niceness = 5;            ///< the I/O thread has priority over the decoder

/// In the order of decoding, a request counts as having arrived later by this time per byte. The
/// value is about 50 times the worst measured time for decoding a byte, so that large requests do
/// not delay the small requests of other peers. Function names have no handicap, because the time
/// for a login is limited.
constexpr std::chrono::nanoseconds handicap_per_byte{8'000};

struct waiting_job {
  connection_id connection = 0;
  decoder::job work;
  decoder::on_decoded tell;
  instant since{};

  /// The job with the earliest rank comes next.
  [[nodiscard]] instant rank() const noexcept {
    if (work->is_answer()) return instant{};
    if (!work->is_request()) return since;
    return since + handicap_per_byte * static_cast<std::int64_t>(work->bytes());
  }
};

} // namespace

struct decoder::state {
  std::chrono::nanoseconds longest_wait;
  std::mutex mutex; ///< guards `waiting`, `discarded`, `untaken` and `due_to_stop`
  std::condition_variable changed;
  std::vector<waiting_job> waiting; ///< in the order of their arrival
  std::vector<job> discarded;
  std::size_t untaken = 0; ///< jobs that have begun and are not yet taken
  bool due_to_stop = false;
  std::thread thread;

  void run() {
    block_signals();
    (void)::pthread_setname_np(::pthread_self(), "patio.decoder");
    // Given a thread id, Linux changes the priority of that thread only.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), niceness);
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return due_to_stop || may_begin() || !discarded.empty(); });
      if (due_to_stop) return;
      auto garbage = std::exchange(discarded, {});
      auto next = take_next();
      lock.unlock();
      garbage.clear();
      if (next) decode(*next);
      next.reset();
      lock.lock();
    }
  }

  [[nodiscard]] bool may_begin() const { return !waiting.empty() && untaken < max_untaken; }

  std::optional<waiting_job> take_next() {
    if (!may_begin()) return {};
    ++untaken;
    auto at = std::find_if(waiting.begin(), waiting.end(),
                           [this](const waiting_job& w) { return has_waited_too_long(w); });
    if (at == waiting.end())
      at = std::min_element(
        waiting.begin(), waiting.end(),
        [](const waiting_job& a, const waiting_job& b) { return a.rank() < b.rank(); });
    std::optional<waiting_job> next{std::move(*at)};
    waiting.erase(at);
    return next;
  }

  [[nodiscard]] bool has_waited_too_long(const waiting_job& w) const {
    return w.work->is_request() && clock_now() - w.since >= longest_wait;
  }

  void decode(const waiting_job& w) {
    try {
      if (has_waited_too_long(w)) refuse(*w.work);
      else w.work->run();
    } catch (const std::bad_alloc&) { // the session then finds that the job holds no result
    }
    while (!try_to_tell(w)) {
      std::unique_lock lock{mutex};
      if (changed.wait_for(lock, std::chrono::milliseconds{10}, [this] { return due_to_stop; }))
        return;
    }
  }

  void refuse(protocol::decode_job& work) const {
    auto waited = brief(seconds_left(longest_wait, {}));
    work.refuse({errc::overloaded,
                 "overloaded: the request, of " + std::to_string(work.bytes())
                   + " bytes, has waited " + waited + " s to be decoded",
                 {},
                 limit::decode_timeout});
  }

  /// Returns false if the callback ran out of memory. The caller must try again, because the
  /// connection waits for the callback.
  [[nodiscard]] static bool try_to_tell(const waiting_job& w) {
    try {
      w.tell(w.work);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  /// Starts the thread if it does not run yet, and wakes it.
  void wake() {
    if (!thread.joinable()) thread = std::thread{[this] { run(); }};
    changed.notify_one();
  }
};

decoder::decoder(std::chrono::nanoseconds longest_wait) : state_{std::make_unique<state>()} {
  state_->longest_wait = longest_wait;
}

decoder::~decoder() {
  if (!state_->thread.joinable()) return;
  {
    std::lock_guard lock{state_->mutex};
    state_->due_to_stop = true;
    state_->changed.notify_one();
  }
  state_->thread.join();
}

void decoder::run(connection_id connection, job work, on_decoded tell) {
  std::lock_guard lock{state_->mutex};
  state_->waiting.push_back({connection, std::move(work), std::move(tell), clock_now()});
  state_->wake();
}

void decoder::withdraw(connection_id connection) {
  std::lock_guard lock{state_->mutex};
  auto at = std::find_if(state_->waiting.begin(), state_->waiting.end(),
                         [&](const waiting_job& w) { return w.connection == connection; });
  if (at == state_->waiting.end()) return;
  state_->discarded.push_back(std::move(at->work));
  state_->waiting.erase(at);
  state_->wake();
}

void decoder::taken() noexcept {
  std::lock_guard lock{state_->mutex};
  --state_->untaken;
  state_->changed.notify_one();
}

void decoder::discard(job rest) {
  std::lock_guard lock{state_->mutex};
  state_->discarded.push_back(std::move(rest));
  state_->wake();
}

} // namespace patio
