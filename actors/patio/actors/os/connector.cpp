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

struct timer {
  instant due;
  std::function<void()> tell;
};

/// The resolver's answer.
struct resolved_host {
  endpoint target;
  result<std::vector<address>> addresses;
};

} // namespace

struct connector::state : std::enable_shared_from_this<state> {
  /// What other threads hand over.
  struct arrivals {
    std::vector<acceptor> acceptors;
    std::vector<host_dial> dials;
    std::vector<resolved_host> hosts;
    std::vector<timer> timers;
    bool due_to_stop = false, drop_acceptors = false;
  };

  std::mutex mutex;
  arrivals incoming; ///< guarded by the mutex
  unique_fd wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::thread thread;

  // Only the connector's thread uses these.
  std::vector<acceptor> acceptors;
  std::vector<host_dial> dials;
  std::vector<endpoint> lookups; ///< the hosts that are being resolved
  std::vector<timer> timers;
  resolver resolve;
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
  void hand_over(std::vector<T> arrivals::*queue, T item) {
    std::lock_guard lock{mutex};
    (incoming.*queue).push_back(std::move(item));
    notify();
  }

  /// Takes over the work from other threads. Returns false once the connector must stop.
  bool receive_handed_over() {
    std::uint64_t count = 0;
    (void)!::read(wake.get(), &count, sizeof count);
    std::vector<resolved_host> hosts;
    {
      std::lock_guard lock{mutex};
      move_all(incoming.acceptors, acceptors);
      move_all(incoming.dials, dials);
      move_all(incoming.timers, timers);
      move_all(incoming.hosts, hosts);
      if (incoming.drop_acceptors) acceptors.clear();
      if (incoming.due_to_stop) return false;
    }
    auto now = clock_now();
    for (const auto& host : hosts) on_resolved(host, now);
    for (auto& dial : dials)
      if (dial.is_resolving() && !dial.has_ended()) look_up(dial, now);
    return true;
  }

  template <class T>
  static void move_all(std::vector<T>& from, std::vector<T>& to) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
    from.clear();
  }

  void on_resolved(const resolved_host& host, instant now) {
    std::erase(lookups, host.target);
    for (auto& dial : dials)
      if (dial.target() == host.target && dial.is_resolving() && !dial.has_ended())
        dial.resolved(host.addresses, now);
  }

  // Resolving may take minutes and cannot be interrupted. It runs on a detached thread, which does
  // not keep this state alive meanwhile. A dial may end before its lookup; the next dial of the
  // host waits for the same lookup, so that the threads do not pile up.
  void look_up(host_dial& dial, instant now) {
    auto target = dial.target();
    if (is_numeric(target.host)) return dial.resolved(patio::resolve(target, false), now);
    if (std::ranges::find(lookups, target) != lookups.end()) return;
    try {
      std::thread{[weak = weak_from_this(), target, find = resolve] {
        block_signals();
        auto addresses = find(target);
        if (auto s = weak.lock()) s->hand_over(&arrivals::hosts, {target, std::move(addresses)});
      }}.detach();
      lookups.push_back(target);
    } catch (const std::system_error& e) {
      dial.resolved(fail(errc::connect_failed,
                         "cannot resolve '" + target.host + "': no thread: " + e.code().message()),
                    now);
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

  void advance_dials(instant now) {
    for (auto& dial : dials) dial.advance(now);
    std::erase_if(dials, [](const host_dial& dial) { return dial.has_ended(); });
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
    for (const auto& dial : dials) next = std::min(next, dial.wake_at());
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
      advance_dials(now);
      fds.assign(1, {wake.get(), POLLIN, 0});
      for (const auto& a : acceptors)
        fds.push_back({a.paused_until > now ? -1 : a.fd.get(), POLLIN, 0});
      for (const auto& dial : dials) dial.add_to(fds);
      (void)::poll(fds.data(), fds.size(), wait_ms(now));
      now = clock_now();
      std::size_t at = 1;
      for (auto& a : acceptors)
        if (fds[at++].revents != 0) accept_from(a, now);
      const auto* polled = fds.data() + at;
      for (auto& dial : dials) polled = dial.check(polled, now);
      fire_timers(now);
    }
  }
};

connector::connector(std::chrono::nanoseconds longest_pause, resolver resolve)
    : state_{std::make_shared<state>()} {
  state_->longest_pause = longest_pause;
  state_->resolve = std::move(resolve);
  state_->thread = std::thread{[s = state_.get()] { s->run(); }};
}

connector::~connector() {
  {
    std::lock_guard lock{state_->mutex};
    state_->incoming.due_to_stop = true;
    state_->notify();
  }
  state_->thread.join();
}

void connector::accept(unique_fd listening, on_accepted tell) {
  state_->hand_over(&state::arrivals::acceptors, acceptor{std::move(listening), std::move(tell)});
}

void connector::connect(dial_request request, on_connected tell) {
  state_->hand_over(&state::arrivals::dials, host_dial{std::move(request), std::move(tell)});
}

result<std::vector<address>> connector::resolve_to_dial(const endpoint& target) {
  return resolve(target, false);
}

void connector::after(std::chrono::nanoseconds wait, std::function<void()> tell) {
  state_->hand_over(&state::arrivals::timers, timer{clock_now() + wait, std::move(tell)});
}

void connector::stop_accepting() {
  std::lock_guard lock{state_->mutex};
  state_->incoming.drop_acceptors = true;
  state_->notify();
}

} // namespace patio
