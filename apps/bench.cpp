#include <algorithm>
#include <atomic>
#include <iostream>

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <patio/actors/os/clock.hpp>
#include <patio/value/literal.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "exit_code.hpp"

namespace patio::apps {
namespace {

struct bench_flags {
  connection_flags connection;
  std::string connect, function = "mul", args = "[]";
  std::size_t in_flight = 1, calls = 10'000;
  bool json = false;
};

struct outcome {
  std::vector<std::uint32_t> latencies; ///< microseconds times ten, of calls that gave a value
  std::size_t errors = 0;
  std::optional<error> first_error;
};

/// Keeps so many calls in flight: each answer starts the next call from where it arrives.
class load : public std::enable_shared_from_this<load> {
public:
  load(broker_actor broker, call_request request, std::size_t calls)
      : broker_{std::move(broker)}, request_{std::move(request)}, calls_{calls} {
    seen_.latencies.reserve(calls);
  }

  [[nodiscard]] outcome run(std::size_t in_flight) {
    auto wide = std::min(in_flight, calls_);
    sent_ = wide;
    for (std::size_t i = 0; i < wide; ++i) send();
    finished_.get_future().wait();
    return std::move(seen_);
  }

private:
  void send() {
    call_async(broker_, request_, {},
               [self = shared_from_this(), begin = clock_now()](result<value> r) {
                 self->receive(begin, std::move(r));
               });
  }

  // On the broker's thread, one call at a time.
  void receive(instant begin, result<value> r) {
    if (r)
      seen_.latencies.push_back(static_cast<std::uint32_t>((clock_now() - begin).count() / 100));
    else if (++seen_.errors == 1) seen_.first_error = std::move(r.error());
    if (++done_ == calls_) return finished_.set_value();
    if (sent_ < calls_) ++sent_, send();
  }

  broker_actor broker_;
  call_request request_;
  std::size_t calls_, done_ = 0;
  std::atomic<std::size_t> sent_{0}; // the first ones are sent from the main thread
  outcome seen_;
  std::promise<void> finished_;
};

double percentile(std::vector<std::uint32_t>& all, double p) {
  if (all.empty()) return 0;
  auto at = all.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), at, all.end());
  return *at / 10.0;
}

result<call_request> parse_request(const bench_flags& f) {
  auto args = parse_literal(f.args);
  if (!args) return fail(errc::invalid, "--args " + f.args + ": " + args.error().message);
  if (args->kind() != kind::list && args->kind() != kind::tuple)
    return fail(errc::invalid, "--args takes a list or tuple of arguments, for example '[3, 4]'");
  auto items = args->items();
  auto timeout = seconds(f.connection.timeout);
  if (!timeout) return tl::unexpected(std::move(timeout.error()));
  return call_request{f.function, {{items.begin(), items.end()}, {}}, f.connection.timeout};
}

int bench(const bench_flags& f) {
  auto request = parse_request(f);
  if (!request) return report(request.error());
  auto node = client::connect({f.connect}, f.connection);
  if (!node) return report(node.error());
  auto begin = clock_now();
  auto seen =
    std::make_shared<load>((*node)->broker(), std::move(*request), f.calls)->run(f.in_flight);
  auto took = std::chrono::duration<double>{clock_now() - begin}.count();
  auto rate = static_cast<double>(f.calls) / took;
  auto p50 = percentile(seen.latencies, 0.50), p99 = percentile(seen.latencies, 0.99);
  if (f.json) {
    nlohmann::ordered_json j{
      {"calls_per_s", rate}, {"p50_us", p50}, {"p99_us", p99}, {"errors", seen.errors}};
    std::cout << j.dump() << std::endl;
  } else {
    std::cout << f.calls << " calls, " << f.in_flight << " in flight: " << rate << " calls/s, p50 "
              << p50 << " us, p99 " << p99 << " us, " << seen.errors << " errors" << std::endl;
  }
  return seen.first_error ? report(*seen.first_error) : ok;
}

} // namespace

void add_bench(CLI::App& app, command& run) {
  auto& sub =
    *app.add_subcommand("bench", "call one function again and again; print rate and latency");
  auto f = std::make_shared<bench_flags>();
  sub.add_option("--connect", f->connect, "the peer")->required()->type_name("HOST:PORT");
  sub.add_option("--function", f->function, "the function")
    ->type_name("NAME")
    ->capture_default_str();
  sub.add_option("--args", f->args, "its arguments as one list")
    ->type_name("LITERAL")
    ->capture_default_str();
  sub.add_option("--in-flight", f->in_flight, "calls under way at any time")
    ->check(CLI::Range(1, 16'384))
    ->capture_default_str();
  sub.add_option("--calls", f->calls, "calls in all")
    ->check(CLI::Range(1, 100'000'000))
    ->capture_default_str();
  sub.add_flag("--json", f->json, "print one JSON object: calls_per_s, p50_us, p99_us, errors");
  f->connection.add_security(sub);
  f->connection.add_timeout(sub);
  sub.footer("Example:\n  patio bench --connect 127.0.0.1:15383 --function mul --args '[3, 4]' "
             "--in-flight 64 --calls 100000");
  sub.callback([f, &run] { run = [f] { return bench(*f); }; });
}

} // namespace patio::apps
