// A node that calls functions and serves none. Arguments: HOST:PORT of one or more peers.
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::null_executor());
  for (int i = 1; i < argc; ++i) {
    auto where = patio::parse_endpoint(argv[i]).value();
    auto peer = patio::connect(node, where.host, where.port).get();
    if (!peer) {
      std::cerr << patio::to_string(peer.error()) << '\n';
      return 1;
    }
  }
  std::vector<patio::call_future<std::int64_t>> squares;
  for (int i = 0; i < 10; ++i) squares.push_back(patio::call<std::int64_t>(node, "mul", i, i));
  for (auto& square : squares) std::cout << square.get() << ' ';
  std::cout << '\n';
  patio::shut_down(node);
}
