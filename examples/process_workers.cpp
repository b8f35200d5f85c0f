// Functions that run in worker processes. A crash ends only its own call.
#include <csignal>
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::registry rpc;
  rpc.add("half", [](std::int64_t n) { return n / 2; });
  rpc.add("crash", [] { std::raise(SIGSEGV); });
  patio::run_if_worker(argc, argv, rpc); // does not return in a worker

  patio::block_signals();
  patio::system_config config;
  caf::actor_system sys{config};
  auto pool = patio::spawn_process_pool(
    sys, rpc, {.workers = 2, .per_worker = {.memory_bytes = std::size_t{1} << 30}});
  auto broker = patio::spawn_memory_broker(sys, pool);
  try {
    patio::call(broker, "crash").get();
  } catch (const patio::call_error& e) {
    std::cout << e.what() << '\n';
  }
  std::cout << patio::call<std::int64_t>(broker, "half", 84).get() << '\n';
}
