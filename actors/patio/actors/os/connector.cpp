#include <patio/actors/os/connector.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/signals.hpp>

namespace patio {
namespace {

constexpr std::chrono::milliseconds shortest_pause{10};
constexpr std::size_t max_unclaimed = 64;

struct acceptor {
  unique_fd fd;
  connector::on_accepted tell;
  instant paused_until{};
  std::chrono::nanoseconds pause = shortest_pause;
};

struct attempt {
  endpoint target;
  std::vector<address> addresses = {}; ///< untried addresses, the next at the end
  instant deadline;
  connector::on_connected tell;
  unique_fd fd = {};
  error last{errc::connect_failed, "timed out", {}};
};

struct timer {
  instant due;
  std::function<void()> tell;
};

} // namespace

struct connector::state : std::enable_shared_from_this<state> {
  // The mutex guards the next five members. Other threads pass work to the connector in them.
  std::mutex mutex;
  std::vector<acceptor> new_acceptors;
  std::vector<attempt> new_attempts;
  std::vector<timer> new_timers;
  bool due_to_stop = false, drop_acceptors = false;
  unique_fd wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::thread thread;

  // Only the connector's thread uses these.
  std::vector<acceptor> acceptors;
  std::vector<attempt> attempts;
  std::vector<timer> timers;
  std::chrono::nanoseconds longest_pause{};
  /// The number of accepted sockets whose shared_socket still exists. Each of these sockets shares
  /// the counter, because a socket may outlive the connector and may be destroyed on any thread.
  std::shared_ptr<std::atomic<std::size_t>> unclaimed =
    std::make_shared<std::atomic<std::size_t>>(0);

  void notify() {
    std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one);
  }

  template <class T>
  void hand_over(std::vector<T> state::*queue, T item) {
    std::lock_guard lock{mutex};
    (this->*queue).push_back(std::move(item));
    notify();
  }

  /// Takes over the work from other threads. Returns false once the connector must stop.
  bool receive_handed_over() {
    std::uint64_t count = 0;
    (void)!::read(wake.get(), &count, sizeof count);
    std::lock_guard lock{mutex};
    std::move(new_acceptors.begin(), new_acceptors.end(), std::back_inserter(acceptors));
    std::move(new_timers.begin(), new_timers.end(), std::back_inserter(timers));
    auto first_new = attempts.size();
    std::move(new_attempts.begin(), new_attempts.end(), std::back_inserter(attempts));
    new_acceptors.clear();
    new_attempts.clear();
    new_timers.clear();
    for (auto i = first_new; i < attempts.size(); ++i) next_address(attempts[i]);
    if (drop_acceptors) acceptors.clear();
    return !due_to_stop;
  }

  // Begins to connect to the next address. Leaves `fd` empty if no address is left.
  void next_address(attempt& a) {
    a.fd = {};
    while (!a.fd && !a.addresses.empty()) {
      auto fd = begin_connect(a.addresses.back());
      a.addresses.pop_back();
      if (fd) a.fd = std::move(*fd);
      else a.last = std::move(fd.error());
    }
  }

  [[nodiscard]] shared_socket counted(result<unique_fd> fd) const {
    ++*unclaimed;
    return {new auto(std::move(fd)), [count = unclaimed](const result<unique_fd>* claimed) {
              delete claimed;
              --*count;
            }};
  }

  void accept_from(acceptor& a, instant now) {
    for (;;) {
      if (*unclaimed >= max_unclaimed) {
        a.paused_until = now + shortest_pause;
        return;
      }
      unique_fd fd{::accept4(a.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (fd) {
        a.pause = shortest_pause;
        a.tell(counted(std::move(fd)));
        continue;
      }
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
      a.tell(counted(
        fail(errc::connect_failed, "cannot accept: " + std::system_category().message(errno))));
      // After an error such as EMFILE the listening socket stays readable, so poll(2) would spin.
      a.paused_until = now + a.pause;
      a.pause = std::min(a.pause * 2, longest_pause);
      return;
    }
  }

  void check(attempt& a, bool ready) {
    if (!ready) return;
    auto done = finish_connect(a.fd.get());
    if (done) return succeed(a);
    a.last = std::move(done.error());
    next_address(a);
  }

  void succeed(attempt& a) {
    auto tell = std::exchange(a.tell, nullptr);
    tell(std::move(a.fd));
  }

  void end_attempts(instant now) {
    for (auto& a : attempts) {
      if (!a.tell || (a.fd && a.deadline > now)) continue;
      a.last.message = "cannot connect to " + to_string(a.target) + ": "
                       + (a.fd ? "no answer in time" : a.last.message);
      std::exchange(a.tell, nullptr)(tl::unexpected(a.last));
    }
    std::erase_if(attempts, [](const attempt& a) { return !a.tell; });
  }

  void fire_timers(instant now) {
    std::vector<timer> due;
    std::erase_if(timers, [&](timer& t) {
      if (t.due > now) return false;
      due.push_back(std::move(t));
      return true;
    });
    for (auto& t : due) t.tell();
  }

  [[nodiscard]] int wait_ms(instant now) const {
    auto next = never;
    for (const auto& a : acceptors)
      if (a.paused_until > now) next = std::min(next, a.paused_until);
    for (const auto& a : attempts) next = std::min(next, a.deadline);
    for (const auto& t : timers) next = std::min(next, t.due);
    if (next == never) return -1;
    return static_cast<int>(
      std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, instant::zero())).count());
  }

  void run() {
    block_signals();
    std::vector<pollfd> fds;
    while (receive_handed_over()) {
      auto now = clock_now();
      end_attempts(now);
      fds.assign(1, {wake.get(), POLLIN, 0});
      for (const auto& a : acceptors)
        fds.push_back({a.paused_until > now ? -1 : a.fd.get(), POLLIN, 0});
      for (const auto& a : attempts) fds.push_back({a.fd.get(), POLLOUT, 0});
      (void)::poll(fds.data(), fds.size(), wait_ms(now));
      now = clock_now();
      std::size_t at = 1;
      for (auto& a : acceptors)
        if (fds[at++].revents != 0) accept_from(a, now);
      for (auto& a : attempts) check(a, fds[at++].revents != 0);
      fire_timers(now);
    }
  }
};

connector::connector(std::chrono::nanoseconds longest_pause) : state_{std::make_shared<state>()} {
  state_->longest_pause = longest_pause;
  state_->thread = std::thread{[s = state_.get()] { s->run(); }};
}

connector::~connector() {
  {
    std::lock_guard lock{state_->mutex};
    state_->due_to_stop = true;
    state_->notify();
  }
  state_->thread.join();
}

void connector::accept(unique_fd listening, on_accepted tell) {
  state_->hand_over(&state::new_acceptors, acceptor{std::move(listening), std::move(tell)});
}

void connector::connect(endpoint target, std::chrono::milliseconds patience, on_connected tell) {
  auto begin = [target, deadline = clock_now() + patience,
                tell = std::move(tell)](state& s, result<std::vector<address>> addresses) {
    attempt a{.target = target, .deadline = deadline, .tell = tell};
    if (addresses) a.addresses.assign(addresses->rbegin(), addresses->rend());
    else a.last = std::move(addresses.error());
    s.hand_over(&state::new_attempts, std::move(a));
  };
  if (is_numeric(target.host)) return begin(*state_, resolve(target, false));
  // Resolving a name may take minutes and cannot be interrupted. It runs on a detached thread. That
  // thread does not keep the connector's state alive meanwhile.
  std::thread{[weak = std::weak_ptr{state_}, target, begin] {
    block_signals();
    auto addresses = resolve(target, false);
    if (auto s = weak.lock()) begin(*s, std::move(addresses));
  }}.detach();
}

void connector::after(std::chrono::nanoseconds wait, std::function<void()> tell) {
  state_->hand_over(&state::new_timers, timer{clock_now() + wait, std::move(tell)});
}

void connector::stop_accepting() {
  std::lock_guard lock{state_->mutex};
  state_->drop_acceptors = true;
  state_->notify();
}

} // namespace patio
