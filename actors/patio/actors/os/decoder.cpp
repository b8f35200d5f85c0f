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

constexpr std::size_t most_untaken = 2; ///< as each may take all the memory that a pickle may
constexpr int niceness = 5;             ///< who sends much waits behind the many who send little

/// A request counts as having come later by so much for each byte, some 50 times what decoding one
/// took at the worst: a crowd of large ones does not make the small ones of others wait. Not so the
/// names of a peer that logs in, whose time for that is limited.
constexpr std::chrono::nanoseconds handicap{8'000};

struct waiting_job {
  connection_id from = 0;
  decoder::job what;
  decoder::on_decoded tell;
  instant since{};

  [[nodiscard]] instant rank() const noexcept { // the earliest is the next
    if (what->is_answer()) return instant{};
    return what->is_request() ? since + handicap * static_cast<std::int64_t>(what->bytes()) : since;
  }
};

} // namespace

struct decoder::state {
  std::chrono::nanoseconds longest_wait;
  std::mutex mutex; ///< guards all but `thread`
  std::condition_variable changed;
  std::vector<waiting_job> waiting; ///< in the order in which they came
  std::vector<job> discarded;
  std::size_t untaken = 0;
  bool due_to_stop = false;
  std::thread thread;

  void run() {
    block_signals();
    (void)::pthread_setname_np(::pthread_self(), "patio.decoder");
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)),
                        niceness); // of this thread alone
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return due_to_stop || may_begin() || !discarded.empty(); });
      if (due_to_stop) return;
      auto over = std::exchange(discarded, {});
      auto next = take_next();
      lock.unlock();
      over.clear();
      if (next) decode(*next);
      next.reset();
      lock.lock();
    }
  }

  [[nodiscard]] bool may_begin() const { return !waiting.empty() && untaken < most_untaken; }

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
    return w.what->is_request() && clock_now() - w.since >= longest_wait;
  }

  void decode(const waiting_job& w) {
    try {
      if (has_waited_too_long(w)) refuse(*w.what);
      else w.what->run();
    } catch (const std::bad_alloc&) { // the job is given back as one that could not be decoded
    }
    while (!try_to_tell(w)) {
      std::unique_lock lock{mutex};
      if (changed.wait_for(lock, std::chrono::milliseconds{10}, [this] { return due_to_stop; }))
        return;
    }
  }

  void refuse(protocol::decode_job& what) const {
    auto waited = brief(seconds_left(longest_wait, {}));
    what.refuse({errc::overloaded,
                 "overloaded: the request, of " + std::to_string(what.bytes())
                   + " bytes, has waited " + waited + " s to be decoded",
                 {},
                 limit::decode_timeout});
  }

  /// False if there is no memory for it: given up, the connection would wait for ever.
  [[nodiscard]] static bool try_to_tell(const waiting_job& w) {
    try {
      return w.tell(w.what), true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  void changes() {
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

void decoder::run(connection_id from, job what, on_decoded tell) {
  std::lock_guard lock{state_->mutex};
  state_->waiting.push_back({from, std::move(what), std::move(tell), clock_now()});
  state_->changes();
}

void decoder::withdraw(connection_id from) {
  std::lock_guard lock{state_->mutex};
  auto at = std::find_if(state_->waiting.begin(), state_->waiting.end(),
                         [from](const waiting_job& w) { return w.from == from; });
  if (at == state_->waiting.end()) return;
  state_->discarded.push_back(std::move(at->what));
  state_->waiting.erase(at);
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
