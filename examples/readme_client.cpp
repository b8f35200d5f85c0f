#include <iostream>
#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::null_executor(), {.key = "secret"});
  patio::shut_down_at_exit end{node};
  auto where = patio::parse_endpoint(argv[1]).value();
  patio::connect(node, where.host, where.port);
  std::cout << patio::call<std::int64_t>(node, "add", 6, 7).get() << '\n';
}
