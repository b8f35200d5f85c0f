#include <cstdio>

#include "run.hpp"

namespace patio::chaos {

std::string pairing(const run_options& o) {
  auto name = [](bool python) { return std::string{python ? "Python" : "C++"}; };
  return name(o.python_client) + " client - " + name(o.python_server) + " server";
}

void print(const run_report& r) {
  auto n = [](auto number) { return std::to_string(number); };
  std::string text = pairing(r.options) + ", seed " + n(r.options.faults.seed) + "\n  calls";
  text += " begun=" + n(r.calls.calls) + " ended=" + n(r.calls.ended) + " hung=" + n(r.hung)
          + " ended_twice=" + n(r.calls.ended_twice) + " executed=" + n(r.calls.executed)
          + " executed_twice=" + n(r.calls.executed_twice) + " overdue=" + n(r.calls.overdue)
          + " early=" + n(r.calls.early);
  text += "\n  endings";
  for (const auto& [ending, count] : r.endings) text += " " + ending + "=" + n(count);
  text += "\n  longest wait " + n(r.calls.longest_wait) + " ms, without a timeout "
          + n(r.calls.longest_without_limit) + " ms";
  text += "\n  faults";
  for (std::size_t i = 0; i < fault_kinds; ++i)
    text += " " + std::string{fault_names[i]} + "=" + n(r.faults[i]);
  text += ", " + n(r.login_faults) + " of them during a login; connections=" + n(r.connections);
  text += "\n  afterwards: brokers that reach the server " + r.probed + ", calls running "
          + n(r.left_running) + ", connections left " + n(r.left_peers) + ", answered "
          + n(r.answered_after) + " of " + n(calls_after) + "\n";
  std::printf("%s  control connection: %lld calls, %lld unanswered, slowest %lld ms; all took %.1f "
              "s, the server's end %.1f s\n",
              text.c_str(), static_cast<long long>(r.watched),
              static_cast<long long>(r.watch_unanswered),
              static_cast<long long>(r.watch_slowest_ms), r.seconds, r.server_end_seconds);
  std::fflush(stdout);
}

} // namespace patio::chaos
