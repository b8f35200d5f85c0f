#include "run.hpp"

#include <optional>
#include <stdexcept>

#include "control.hpp"
#include "process.hpp"
#include "proxy.hpp"

namespace patio::chaos {
namespace {

using clock = std::chrono::steady_clock;
using tests::process;

std::vector<std::string> command(bool python, const std::vector<std::string>& words) {
  std::vector<std::string> all{CHAOS_PEER};
  if (python) all = {tests::python(), PATIO_TEST_SOURCES "/chaos/peer.py"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::string mode(const run_options& o) { return o.careful ? "careful" : "plain"; }

std::vector<std::string> client_command(const run_options& o, const endpoint& server) {
  return command(o.python_client,
                 {"client", server.host, std::to_string(server.port), std::to_string(o.calls),
                  std::to_string(o.rate), std::to_string(o.faults.seed), mode(o)});
}

double seconds_since(clock::time_point t) {
  return std::chrono::duration<double>{clock::now() - t}.count();
}

class one_run {
public:
  explicit one_run(const run_options& o)
      : options_{o}, server_{command(o.python_server, {"server", mode(o)})}, account_{o.calls} {
    report_.options = o;
    where_ = parse_endpoint(server_.await("listening on ")).value();
    control_.emplace(where_);
    proxy_.emplace(where_, o.faults);
  }

  run_report run() {
    auto began = clock::now();
    process client{client_command(options_, proxy_->where())};
    make_calls(client);
    end_client(client);
    end_proxy();
    inspect_server();
    end_server();
    report_.seconds = seconds_since(began);
    report_.calls = account_.close(grace_ms);
    return std::move(report_);
  }

private:
  void make_calls(process& client);
  [[nodiscard]] std::optional<std::string> next_line(process& client,
                                                     std::chrono::seconds patience);
  void end_client(process& client);
  void end_proxy();
  void inspect_server();
  void end_server();

  run_options options_;
  run_report report_;
  process server_;
  account account_;
  endpoint where_;
  std::optional<control> control_;
  std::optional<proxy> proxy_;
};

// Returns nullopt at the end of the output or after `patience`. The account then shows the missing
// calls.
std::optional<std::string> one_run::next_line(process& client, std::chrono::seconds patience) {
  try {
    return client.output_lines().line(patience);
  } catch (const std::runtime_error&) {
    return {};
  }
}

void one_run::make_calls(process& client) {
  for (;;) {
    auto line = client.read_line();
    if (!line) throw std::runtime_error{"the client has ended before it began all calls"};
    if (*line == "all begun") break;
    account_.line(*line);
    control_->watch();
  }
  proxy_->stop_faults();
  auto deadline = clock::now() + options_.patience;
  while (!account_.all_ended() && clock::now() < deadline) {
    auto left = std::chrono::ceil<std::chrono::seconds>(deadline - clock::now());
    auto line = next_line(client, left);
    if (!line) break;
    account_.line(*line);
    control_->watch();
  }
  report_.hung = account_.close(grace_ms).open;
  report_.endings = account_.endings();
}

// Reads the client's lines up to its end, as no call may end a second time.
void one_run::end_client(process& client) {
  client.write_line("probe");
  for (auto line = client.read_line(); line; line = client.read_line()) {
    account_.line(*line);
    if (!line->starts_with("probed ")) continue;
    report_.probed = line->substr(7);
    client.close_input();
  }
  report_.client_exit = client.wait();
}

void one_run::end_proxy() {
  report_.faults = proxy_->faults();
  report_.login_faults = proxy_->login_faults();
  report_.connections = proxy_->connections();
  proxy_.reset();
}

void one_run::inspect_server() {
  constexpr std::chrono::seconds patience{10};
  // The control connection itself is not counted.
  report_.left_peers = options_.python_server ? 0 : control_->await("chaos.peers", 1, patience) - 1;
  report_.left_running = control_->await("chaos.running", 0, patience);
  account_.executed(control_->record());
  report_.answered_after = control_->make_calls(options_.calls + 100, calls_after);
  control_->end_watch();
  report_.watched = control_->asked();
  report_.watch_unanswered = control_->unanswered();
  report_.watch_slowest_ms = control_->slowest_ms();
}

// A C++ server that ends waits for its running functions. A function that never ended would show
// here as a long wait.
void one_run::end_server() {
  control_.reset();
  auto began = clock::now();
  server_.close_input();
  report_.server_exit = server_.wait();
  report_.server_end_seconds = seconds_since(began);
}

} // namespace

run_report run(const run_options& options) { return one_run{options}.run(); }

} // namespace patio::chaos
