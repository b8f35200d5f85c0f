#include <patio/actors/os/line_writer.hpp>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace patio {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_stall{1}, longest_flush{5}, retry_pause{5};

struct waiting_line {
  std::string text;
  std::uint64_t left_out_before = 0;
};

/// Writes all of the text. Returns 0 or an errno, and sets `done` to the bytes that were written.
int write_all(int fd, std::string_view text, std::size_t& done) noexcept {
  while (done < text.size()) {
    auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n > 0) done += static_cast<std::size_t>(n);
    else if (errno == EAGAIN) { // somebody has made the descriptor non-blocking
      pollfd writable{fd, POLLOUT, 0};
      (void)::poll(&writable, 1, -1);
    } else if (errno != EINTR) return errno;
  }
  return 0;
}

/// Starts a detached thread that receives no signal: a broken pipe is an error of its write.
template <class F>
bool start_thread(F run) noexcept {
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  bool started = true;
  try {
    std::thread{std::move(run)}.detach();
  } catch (...) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  return started;
}

} // namespace

// The thread shares the state, because it cannot be joined while a write blocks.
struct line_writer::state : std::enable_shared_from_this<state> {
  state(int out, line_writer_options o) : fd{out}, options{std::move(o)} {}

  const int fd;
  const line_writer_options options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<waiting_line> lines; ///< the first one may be in the middle of its write
  std::size_t bytes = 0;          ///< of `lines`
  std::uint64_t left_out = 0;     ///< behind the last one of `lines`
  std::uint64_t attempts = 0;     ///< to write a line
  /// The attempts when a flush gave up. The next flush need not wait for the same line again.
  std::uint64_t given_up_after = std::numeric_limits<std::uint64_t>::max();
  bool has_thread = false, abandoned = false;
  bool is_writing = false;   ///< a thread has left the mutex to write the first line
  bool failing = false;      ///< the last attempt has failed
  bool is_mid_line = false;  ///< a failed attempt has left a part of a line; the writing thread's
  clock::time_point retry{}; ///< when to try again to say how many lines were left out

  [[nodiscard]] bool has_count_to_write() const { return left_out > 0 && options.left_out; }
  [[nodiscard]] bool is_idle() const { return lines.empty() && (!has_count_to_write() || failing); }

  void enqueue(std::string text) {
    std::unique_lock lock{mutex};
    if (!has_thread) has_thread = start_thread([self = shared_from_this()] { self->run(); });
    if (bytes + text.size() > options.max_bytes) {
      ++left_out;
      return;
    }
    auto size = text.size();
    lines.push_back({std::move(text), left_out});
    left_out = 0;
    bytes += size;
    if (!has_thread) write_without_thread(lock);
    changed.notify_all();
  }

  void write_without_thread(std::unique_lock<std::mutex>& lock) {
    pollfd writable{fd, POLLOUT, 0};
    while (!is_writing && !lines.empty() && ::poll(&writable, 1, 0) > 0) write_first(lock);
  }

  /// Waits for a line, or for the time to write the number of lines left out. Returns false once
  /// the thread has to end.
  bool await_line(std::unique_lock<std::mutex>& lock) {
    while ((lines.empty() || is_writing) && !abandoned) {
      if (is_writing || !has_count_to_write()) changed.wait(lock);
      else if (failing && clock::now() < retry) changed.wait_until(lock, retry);
      else enqueue_count();
    }
    return !abandoned;
  }

  void enqueue_count() noexcept {
    try {
      lines.push_back({{}, left_out});
      left_out = 0;
    } catch (...) { // there is no memory for it now
      note_failure();
    }
  }

  void note_failure() noexcept {
    failing = true;
    retry = clock::now() + retry_pause;
  }

  void run() {
    std::unique_lock lock{mutex};
    while (await_line(lock)) write_first(lock);
  }

  /// Writes the first line with the mutex released, and counts the line as left out if that fails.
  void write_first(std::unique_lock<std::mutex>& lock) noexcept {
    auto& line = lines.front(); // stays in its place when others are queued behind it
    bool was_failing = failing;
    is_writing = true;
    lock.unlock();
    int why = write_with_count(line);
    if (why != 0 && !was_failing && options.on_error) options.on_error(why);
    lock.lock();
    is_writing = failing = false;
    if (why != 0) {
      left_out += line.left_out_before + (line.text.empty() ? 0 : 1);
      note_failure();
    }
    bytes -= line.text.size();
    lines.pop_front();
    ++attempts;
    changed.notify_all();
  }

  int write_with_count(const waiting_line& line) noexcept {
    try {
      std::string text = is_mid_line ? "\n" : "";
      if (line.left_out_before > 0 && options.left_out)
        text += options.left_out(line.left_out_before);
      text += line.text;
      std::size_t done = 0;
      int why = write_all(fd, text, done);
      if (done > 0) is_mid_line = text[done - 1] != '\n';
      return why;
    } catch (...) {
      return ENOMEM;
    }
  }

  bool flush() {
    std::unique_lock lock{mutex};
    auto end = clock::now() + longest_flush;
    while (!is_idle() && has_thread && attempts != given_up_after) {
      auto seen = attempts;
      auto until = std::min(end, clock::now() + longest_stall);
      bool moved = changed.wait_until(lock, until, [&] { return attempts != seen || is_idle(); });
      if (!moved || clock::now() >= end) given_up_after = attempts;
    }
    return is_idle();
  }

  void abandon() {
    std::lock_guard lock{mutex};
    abandoned = true;
    changed.notify_all();
  }
};

line_writer::line_writer(int fd, line_writer_options options)
    : state_{std::make_shared<state>(fd, std::move(options))} {}

line_writer::~line_writer() {
  (void)flush();
  state_->abandon();
}

void line_writer::write(std::string line) noexcept {
  try {
    state_->enqueue(std::move(line));
  } catch (...) { // there is no memory for the queue
    leave_out();
  }
}

void line_writer::leave_out() noexcept {
  std::lock_guard lock{state_->mutex};
  ++state_->left_out;
  state_->changed.notify_all();
}

bool line_writer::flush() { return state_->flush(); }

} // namespace patio
