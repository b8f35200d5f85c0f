#include <iostream>
#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::block_signals();
  patio::registry rpc;
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });

  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::spawn_async_pool(sys, rpc), {.key = "secret"});
  patio::shut_down_at_exit end{node};
  auto where = patio::parse_endpoint(argv[1]).value();
  auto bound = patio::listen(node, where.host, where.port).value();
  std::cout << "listening on " << patio::to_string(bound) << std::endl;
  patio::wait_for_signal();
}
