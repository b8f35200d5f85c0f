// Measures what it costs to run functions in worker processes:
//   process_bench [ROUNDS [CALLS]]
// Each round measures a thread pool and a process pool with 64 calls in flight, then an argument
// and a result of 64 MiB, and the same bytes over a bare pair of sockets. The last line has the
// medians.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <iomanip>
#include <iostream>
#include <memory>
#include <vector>

#include <patio/actors/os/clock.hpp>
#include <patio/patio.hpp>

namespace {

using namespace patio;

constexpr std::size_t in_flight = 64, large = std::size_t{64} << 20;
constexpr std::size_t large_calls = 5;

registry functions() {
  registry rpc{{.auto_naming = false}};
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  rpc.add("echo", [](value v) { return v; });
  return rpc;
}

double seconds_since(instant begin) {
  return std::chrono::duration<double>{clock_now() - begin}.count();
}

/// Keeps calls in flight: each answer starts the next call.
class load : public std::enable_shared_from_this<load> {
public:
  load(broker_actor node, call_request request)
      : node_{std::move(node)}, request_{std::move(request)} {}
  /// Returns the calls per second.
  double run(std::size_t calls, std::size_t window) {
    calls_ = calls;
    auto begin = clock_now();
    sent_ = std::min(window, calls);
    for (std::size_t i = std::min(window, calls); i > 0; --i) send();
    finished_.get_future().wait();
    return static_cast<double>(calls) / seconds_since(begin);
  }

private:
  void send() {
    call_async(node_, request_, {}, [self = shared_from_this()](result<value> r) {
      if (!r) {
        std::cerr << "process_bench: " << to_string(r.error()) << std::endl;
        std::_Exit(1);
      }
      self->receive();
    });
  }
  // Runs on the broker's thread.
  void receive() {
    if (++done_ == calls_) return finished_.set_value();
    if (sent_ == calls_) return;
    ++sent_;
    send();
  }

  broker_actor node_;
  call_request request_;
  std::size_t calls_ = 0, done_ = 0;
  std::atomic<std::size_t> sent_ = 0;
  std::promise<void> finished_;
};

double rate(caf::actor_system& sys, const executor& pool, call_request request, std::size_t calls,
            std::size_t window) {
  auto node = spawn_memory_broker(sys, pool);
  std::make_shared<load>(node, request)->run(std::max<std::size_t>(calls / 10, 1), window);
  auto measured = std::make_shared<load>(node, std::move(request))->run(calls, window);
  caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
  pool.shut_down();
  return measured;
}

/// A child process that sends back what it has read whole.
class raw_echo {
public:
  raw_echo() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) std::abort();
    if (::fork() > 0) {
      ::close(ends_[1]);
      return;
    }
    ::close(ends_[0]);
    std::string bytes(large, '\0');
    while (read_all(ends_[1], bytes)) write_all(ends_[1], bytes);
    std::_Exit(0);
  }
  ~raw_echo() { ::close(ends_[0]); }
  raw_echo(const raw_echo&) = delete;
  raw_echo& operator=(const raw_echo&) = delete;

  /// Returns how often a second the bytes go there and back.
  double rate(std::size_t times) {
    std::string bytes(large, 'x');
    auto begin = clock_now();
    for (std::size_t i = 0; i < times; ++i) {
      write_all(ends_[0], bytes);
      (void)read_all(ends_[0], bytes);
    }
    return static_cast<double>(times) / seconds_since(begin);
  }

private:
  static bool read_all(int fd, std::string& bytes) {
    for (std::size_t n = 0; n < bytes.size();) {
      auto more = ::read(fd, bytes.data() + n, bytes.size() - n);
      if (more <= 0) return false;
      n += static_cast<std::size_t>(more);
    }
    return true;
  }
  static void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::write(fd, bytes.data(), bytes.size());
      if (n <= 0) std::abort();
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  int ends_[2];
};

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2),
                   all.end());
  return all[all.size() / 2];
}

struct series {
  std::vector<double> thread, process, large, raw;
};

void print(double thread, double process, double large_rate, double raw) {
  constexpr double mib = 2.0 * large / (1 << 20);
  std::cout << std::fixed << std::setprecision(0) << "thread pool " << thread
            << " calls/s, process pool " << process << " calls/s (" << std::setprecision(2)
            << process / thread << "); 64 MiB each way " << std::setprecision(0) << large_rate * mib
            << " MiB/s, bare sockets " << raw * mib << " MiB/s (" << std::setprecision(2)
            << large_rate / raw << ")" << std::endl;
}

void run(raw_echo& bare, int rounds, std::size_t small_calls) {
  system_config config;
  caf::actor_system sys{config};
  call_request small{"mul", {{3, 4}, {}}, {}};
  call_request big{"echo", {{value::bytes(std::string(large, 'x'))}, {}}, {}};
  series all;
  for (int i = 0; i < rounds; ++i) {
    auto rpc = functions();
    process_pool_options options{.per_worker = {.message_bytes = 2 * large}};
    all.thread.push_back(rate(sys, spawn_thread_pool(sys, rpc), small, small_calls, in_flight));
    all.process.push_back(
      rate(sys, spawn_process_pool(sys, rpc, options), small, small_calls, in_flight));
    all.large.push_back(rate(sys, spawn_process_pool(sys, rpc, options), big, large_calls, 1));
    all.raw.push_back(bare.rate(large_calls));
    print(all.thread.back(), all.process.back(), all.large.back(), all.raw.back());
  }
  std::cout << "medians: ";
  print(median(all.thread), median(all.process), median(all.large), median(all.raw));
}

} // namespace

int main(int argc, char** argv) {
  patio::run_if_worker(argc, argv, functions);
  raw_echo bare; // forks, so it comes before all threads
  auto number = [&](int at, int otherwise) {
    return at < argc ? std::max(std::atoi(argv[at]), 1) : otherwise;
  };
  run(bare, number(1, 5), static_cast<std::size_t>(number(2, 100'000)));
}
