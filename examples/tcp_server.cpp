// A node that serves functions on IPv4 and IPv6 until SIGINT or SIGTERM. Arguments: the two ports.
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::block_signals();
  patio::registry rpc{{.project = "test", .auto_naming = false}};
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });

  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::spawn_thread_pool(sys, rpc));
  auto port = [&](int i) {
    return static_cast<std::uint16_t>(argc > i ? std::stoi(argv[i]) : patio::default_port + i - 1);
  };
  for (auto bound :
       {patio::listen(node, "127.0.0.1", port(1)), patio::listen(node, "::1", port(2))}) {
    if (!bound) {
      std::cerr << patio::to_string(bound.error()) << '\n';
      return 1;
    }
    std::cout << "listening on " << patio::to_string(*bound) << std::endl;
  }
  patio::wait_for_signal();
  patio::shut_down(node);
}
