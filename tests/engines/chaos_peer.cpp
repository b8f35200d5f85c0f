// The C++ peer of chaos.py; chaos_peer.py is the same in Python. The scheme of URL is the engine.
//   engine_chaos_peer server URL RECORD
//     Serves until SIGTERM. Prints "serving". Appends the id of each call that begins to RECORD.
//   engine_chaos_peer caller URL FIRST LAST RATE SEED
//     Begins the calls FIRST to LAST-1, RATE of them each second, however many calls are open.
//     Prints "b ID" before a call begins and "e ID ENDING WAITED_MS ALLOWED_MS" when it ends;
//     ALLOWED_MS is -1 for a call without a timeout. Prints "all begun" after the last one. After
//     the line "probe" it makes calls until one gives its value, for at most 15 s, and prints
//     "probed 1" or "probed 0". It ends with its standard input.
#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include <patio/patio.hpp>

namespace {

using namespace patio;
using clock_type = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Writes a line with one system call, so that lines of several threads do not mix.
void write_line(int fd, std::string line) {
  line += '\n';
  (void)!::write(fd, line.data(), line.size());
}

bool is_redis(const std::string& url) { return url.starts_with("redis"); }

/// Connects again at least once a second, so that a long outage does not leave a long pause.
broker_actor spawn_broker(caf::actor_system& sys, const executors& run_in, const std::string& url) {
  const backoff_options soon{.longest_delay = milliseconds{1000},
                             .refused_delay = milliseconds{1000}};
  const limits bounds{.reconnect = soon};
  if (is_redis(url)) return spawn_redis_broker(sys, run_in, {.url = url, .limits = bounds});
  return spawn_rabbitmq_broker(sys, run_in, {.url = url, .limits = bounds});
}

/// Waits for the time to pass, or for a request to stop.
void hold(const std::stop_token& stop, std::int64_t ms) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  never.wait_for(lock, stop, milliseconds{ms}, [] { return false; });
}

registry functions(int record) {
  registry rpc{{.project = "chaos", .auto_naming = false}};
  auto at_once = [record](std::int64_t id, const std::string& padding) {
    write_line(record, std::to_string(id));
    return std::to_string(id) + ":" + padding;
  };
  rpc.add("chaos.quick", at_once, {.quick = true});
  rpc.add("chaos.mark", at_once);
  rpc.add("chaos.hold", [record](std::stop_token stop, std::int64_t id, const std::string& padding,
                                 std::int64_t ms) {
    write_line(record, std::to_string(id));
    hold(stop, ms);
    return std::to_string(id) + ":" + padding;
  });
  return rpc;
}

int serve(const std::string& url, const char* path) {
  int record = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (record < 0) return std::perror(path), 1;
  system_config config;
  caf::actor_system sys{config};
  auto broker = spawn_broker(sys, spawn_thread_pool(sys, functions(record), {.workers = 16}), url);
  owned_broker owner{broker};
  write_line(STDOUT_FILENO, "serving");
  wait_for_signal();
  return 0;
}

struct planned_call {
  std::int64_t id = 0;
  std::string function = "chaos.mark", padding = {};
  std::int64_t hold = 0; ///< milliseconds
  std::optional<milliseconds> timeout = {};
};

/// Draws the function, padding and timeout of one call. Most sizes are small.
planned_call draw(std::int64_t id, std::uint64_t seed, bool always_timeout) {
  std::mt19937_64 random{seed * 1'000'003 + static_cast<std::uint64_t>(id)};
  auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(random() % bound); };
  planned_call c{.id = id};
  auto size = below(100);
  auto bytes = below(size < 90 ? 200 : size < 99 ? 4000 : 60'000);
  c.padding.assign(static_cast<std::size_t>(bytes), 'x');
  auto kind = below(10);
  if (kind < 3) {
    c.function = "chaos.hold";
    c.hold = 1 + below(40);
  } else if (kind < 6) c.function = "chaos.quick";
  bool is_short = below(10) == 0;
  if (always_timeout || below(5) > 0)
    c.timeout = milliseconds{is_short ? 50 + below(450) : 1000 + below(3000)};
  return c;
}

/// Returns "value", the name of the error, or the class of the exception. The ending
/// "not_executed" is a timeout with the proof that the call has not begun.
std::string ending_of(const planned_call& c, const result<value>& r) {
  if (r) return *r == value{std::to_string(c.id) + ":" + c.padding} ? "value" : "wrong_value";
  if (r.error().remedy == remedy::repetition) return "not_executed";
  if (r.error().code != errc::remote_error) return std::string{to_string(r.error().code)};
  auto text = to_string(r.error());
  return text.substr(0, text.find(':'));
}

class caller {
public:
  caller(const std::string& url, std::uint64_t seed) : seed_{seed}, is_redis_{::is_redis(url)} {
    broker_.emplace(spawn_broker(system_, null_executor(), url));
    owner_.emplace(*broker_);
  }

  /// Begins each call at its time, however many calls are open.
  void make_calls(std::int64_t first, std::int64_t last, double rate) {
    const auto interval =
      std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>{1 / rate});
    auto due = clock_type::now();
    std::unique_lock lock{mutex_};
    for (auto id = first; id < last; ++id, due += interval) {
      if (paused_) {
        changed_.wait(lock, [this] { return !paused_; });
        due = clock_type::now();
      }
      changed_.wait_until(lock, due, [] { return false; });
      begin(draw(id, seed_, is_redis_));
    }
    write_line(STDOUT_FILENO, "all begun");
  }

  /// Begins no further calls, or goes on.
  void pause(bool paused) {
    std::lock_guard lock{mutex_};
    paused_ = paused;
    changed_.notify_one();
  }

  [[nodiscard]] bool reaches_server() {
    const auto deadline = clock_type::now() + std::chrono::seconds{15};
    while (clock_type::now() < deadline) {
      try {
        call_target target{"chaos.mark", {.timeout = std::chrono::seconds{2}}};
        return call<std::string>(*broker_, target, -1, "probe").get() == "-1:probe";
      } catch (const call_error& e) {
        std::cerr << "probe: " << to_string(e.why()) << '\n';
      }
    }
    return false;
  }

private:
  void begin(planned_call c) {
    call_request request{c.function, {{value{c.id}, value{c.padding}}, {}}, {}};
    if (c.function == "chaos.hold") request.args.positional.emplace_back(c.hold);
    if (c.timeout) request.timeout = to_value(std::chrono::duration<double>{*c.timeout});
    write_line(STDOUT_FILENO, "b " + std::to_string(c.id));
    auto shared = std::make_shared<planned_call>(std::move(c));
    auto ended = [shared, began = clock_type::now()](const result<value>& r) {
      auto waited = std::chrono::duration_cast<milliseconds>(clock_type::now() - began).count();
      auto allowed = shared->timeout ? shared->timeout->count() : -1;
      write_line(STDOUT_FILENO, "e " + std::to_string(shared->id) + " " + ending_of(*shared, r)
                                  + " " + std::to_string(waited) + " " + std::to_string(allowed));
    };
    call_async(*broker_, std::move(request), {}, ended);
  }

  std::uint64_t seed_;
  bool is_redis_, paused_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  system_config config_;
  caf::actor_system system_{config_};
  std::optional<broker_actor> broker_;
  std::optional<owned_broker<broker_actor>> owner_;
};

int make_calls(char** words) {
  caller c{words[0], std::stoull(words[4])};
  std::thread load{
    [&] { c.make_calls(std::stoll(words[1]), std::stoll(words[2]), std::stod(words[3])); }};
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "probe") write_line(STDOUT_FILENO, c.reaches_server() ? "probed 1" : "probed 0");
    else c.pause(line == "pause");
  }
  c.pause(false);
  load.join();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  patio::block_signals();
  std::string kind = argc > 1 ? argv[1] : "";
  if (kind == "server" && argc == 4) return serve(argv[2], argv[3]);
  if (kind == "caller" && argc == 7) return make_calls(argv + 2);
  std::cerr << "usage: engine_chaos_peer server URL RECORD | caller URL FIRST LAST RATE SEED\n";
  return 2;
}
