// A node that serves a function through Redis until SIGINT or SIGTERM. The environment variable
// PATIO_BROKER_URL holds the URL, because it may hold a password.
#include <cstdlib>
#include <iostream>

#include <patio/patio.hpp>

int main() {
  patio::block_signals();
  const char* url = std::getenv("PATIO_BROKER_URL");
  patio::registry rpc{{.project = "shop", .auto_naming = false}};
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });

  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_redis_broker(sys, patio::spawn_thread_pool(sys, rpc),
                                        {.url = url ? url : "redis://127.0.0.1"});
  patio::shut_down_at_exit end{node};
  if (auto login = patio::connected(node).get(); !login) {
    std::cerr << patio::to_string(login.error()) << '\n';
    return 1;
  }
  std::cout << "connected" << std::endl;
  patio::wait_for_signal();
}
