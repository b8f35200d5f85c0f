// Functions that run in worker processes. A crash ends only its own call.
#include <csignal>
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::service svc;
  svc.add("half", [](std::int64_t n) { return n / 2; });
  svc.add("crash", [] { std::raise(SIGSEGV); });
  patio::process_limits limits{.memory_bytes = std::size_t{1} << 30};
  svc.run_in_processes(argc, argv, {.workers = 2, .per_worker = limits}); // never ends in a worker

  patio::service client;
  client.connect(patio::to_string(svc.listen("127.0.0.1:0")));
  try {
    patio::call(client, "crash").get();
  } catch (const patio::call_error& e) {
    std::cout << e.what() << '\n';
  }
  std::cout << patio::call<std::int64_t>(client, "half", 84).get() << '\n';
}
