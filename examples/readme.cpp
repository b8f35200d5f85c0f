#include <iostream>
#include <patio/patio.hpp>
int main() {
  patio::registry rpc;
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::spawn_async_pool(sys, rpc), {.key = "secret"});
  patio::shut_down_at_exit end{node};
  auto where = patio::listen(node, "127.0.0.1", 0).value(); // Python and C++ peers may dial in now
  patio::connect(node, where.host, where.port);             // here the node dials itself
  std::cout << patio::call<std::int64_t>(node, "add", 6, 7).get() << '\n';
}
