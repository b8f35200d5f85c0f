#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <sstream>

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <patio/actors/os/clock.hpp>
#include <patio/value/literal.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

struct bench_flags {
  connection_flags connection;
  target_flags targets;
  std::string function = "mul", args = "[]";
  std::size_t in_flight = 1, calls = 10'000;
  bool json = false;
};

struct measurement {
  /// Of the calls that ended with a value, in tenths of a microsecond, at most the largest number.
  std::vector<std::uint32_t> latencies;
  std::map<errc, std::size_t> failures; ///< number of the other calls, by how they ended
  std::optional<error> first_error;

  [[nodiscard]] std::size_t failed() const {
    std::size_t sum = 0;
    for (const auto& [code, count] : failures) sum += count;
    return sum;
  }
};

/// Keeps a fixed number of calls in flight: each answer starts the next call, on the thread on
/// which the answer arrives. The calls in flight keep the object alive.
class load : public std::enable_shared_from_this<load> {
public:
  load(broker_actor broker, call_request request, std::size_t calls)
      : broker_{std::move(broker)}, request_{std::move(request)}, calls_{calls} {
    measured_.latencies.reserve(calls);
  }

  [[nodiscard]] measurement run(std::size_t in_flight) {
    auto window = std::min(in_flight, calls_);
    sent_ = window;
    for (std::size_t i = 0; i < window; ++i) send();
    finished_.get_future().wait();
    return std::move(measured_);
  }

private:
  void send() {
    call_async(broker_, request_, {},
               [self = shared_from_this(), begin = clock_now()](result<value> r) {
                 self->receive(begin, std::move(r));
               });
  }

  // Runs on the broker's thread, for one call at a time.
  void receive(instant begin, result<value> r) {
    if (r) {
      constexpr instant::rep longest = std::numeric_limits<std::uint32_t>::max();
      auto latency = std::min((clock_now() - begin).count() / 100, longest);
      measured_.latencies.push_back(static_cast<std::uint32_t>(latency));
    } else {
      ++measured_.failures[r.error().code];
      if (!measured_.first_error) measured_.first_error = std::move(r.error());
    }
    if (++done_ == calls_) return finished_.set_value();
    if (sent_ == calls_) return;
    ++sent_;
    send();
  }

  broker_actor broker_;
  call_request request_;
  std::size_t calls_, done_ = 0;
  std::atomic<std::size_t> sent_{0}; ///< the main thread sets it; the broker's thread increments it
  measurement measured_;
  std::promise<void> finished_;
};

/// Returns microseconds. Reorders the latencies, of which there must be one.
double percentile(std::vector<std::uint32_t>& latencies, double p) {
  auto last = static_cast<double>(latencies.size() - 1);
  auto at = latencies.begin() + static_cast<std::ptrdiff_t>(p * last);
  std::nth_element(latencies.begin(), at, latencies.end());
  return *at / 10.0;
}

result<call_request> parse_request(const bench_flags& f) {
  auto args = parse_value(f.args);
  if (!args) return fail(errc::invalid, "--args " + f.args + ": " + args.error().message);
  if (args->kind() != kind::list && args->kind() != kind::tuple)
    return fail(errc::invalid,
                "--args takes a Python list or tuple of arguments, for example '[3, 4]'");
  auto items = args->items();
  auto timeout = seconds(f.connection.timeout);
  if (!timeout) return tl::unexpected(std::move(timeout.error()));
  return call_request{f.function, {{items.begin(), items.end()}, {}}, f.connection.timeout};
}

// A call that failed took no part in the work that a rate and a latency measure: a dead peer fails
// thousands of calls a second.
int print_json(const bench_flags& f, measurement& m, double calls_per_s) {
  nlohmann::ordered_json j{{"calls_per_s", calls_per_s},
                           {"p50_us", nullptr},
                           {"p99_us", nullptr},
                           {"calls", f.calls},
                           {"answered", m.latencies.size()},
                           {"errors", m.failed()},
                           {"failures", nlohmann::ordered_json::object()}};
  if (!m.latencies.empty()) {
    j["p50_us"] = percentile(m.latencies, 0.50);
    j["p99_us"] = percentile(m.latencies, 0.99);
  }
  for (const auto& [code, count] : m.failures) j["failures"][std::string{to_string(code)}] = count;
  return print_text(j.dump() + "\n");
}

int print_rate(const bench_flags& f, measurement& m, double calls_per_s) {
  if (f.json) return print_json(f, m, calls_per_s);
  std::ostringstream lines;
  lines << m.latencies.size() << " of " << f.calls << " calls answered, " << f.in_flight
        << " in flight: " << calls_per_s << " calls/s";
  if (!m.latencies.empty())
    lines << ", p50 " << percentile(m.latencies, 0.50) << " us, p99 "
          << percentile(m.latencies, 0.99) << " us";
  lines << '\n';
  if (!m.failures.empty()) {
    lines << m.failed() << " of " << f.calls << " calls failed:";
    for (const auto& [code, count] : m.failures) lines << ' ' << to_string(code) << '=' << count;
    lines << '\n';
  }
  return print_text(lines.str());
}

int bench(const bench_flags& f) {
  auto request = parse_request(f);
  if (!request) return report(request.error());
  auto node = client::connect(f.targets, f.connection);
  if (!node) return report(node.error());
  auto begin = clock_now();
  auto measured =
    std::make_shared<load>((*node)->broker(), std::move(*request), f.calls)->run(f.in_flight);
  auto elapsed = std::chrono::duration<double>{clock_now() - begin}.count();
  auto calls_per_s = static_cast<double>(measured.latencies.size()) / elapsed;
  auto printed = print_rate(f, measured, calls_per_s);
  return measured.first_error ? report(*measured.first_error) : printed;
}

} // namespace

void add_bench(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "bench",
    "call one function repeatedly and print the rate and the latency of the answered calls");
  auto f = std::make_shared<bench_flags>();
  f->targets.add(sub);
  sub.add_option("--function", f->function, "function to call")
    ->type_name("NAME")
    ->capture_default_str();
  sub.add_option("--args", f->args, "arguments of every call, as one Python list or tuple")
    ->type_name("LITERAL")
    ->capture_default_str();
  sub.add_option("--in-flight", f->in_flight, "number of calls in flight at any time")
    ->check(CLI::Range(1, 262'144))
    ->capture_default_str();
  sub.add_option("--calls", f->calls, "total number of calls")
    ->check(CLI::Range(1, 100'000'000))
    ->capture_default_str();
  sub.add_flag("--json", f->json,
               "print one JSON object: calls_per_s, p50_us and p99_us, of the calls that were "
               "answered; calls, answered, errors, and failures by kind");
  f->connection.add_security(sub);
  f->connection.add_timeout(sub);
  sub.footer("Example:\n  patio bench --connect 127.0.0.1:15383 --function mul --args '[3, 4]' "
             "--in-flight 64 --calls 100000");
  sub.callback([f, &run] { run = [f] { return bench(*f); }; });
}

} // namespace patio::apps
