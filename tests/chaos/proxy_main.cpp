// The proxy as a program, for tests that are scripts:
//   chaos_proxy PORT SEED MEAN_BYTES
// Passes connections on to 127.0.0.1:PORT, with a fault after MEAN_BYTES bytes of a direction on
// average. Prints "listening on HOST:PORT". After the line "stop" it injects no further faults. It
// ends with its standard input, and prints "faults KIND=COUNT... login=COUNT connections=COUNT".
#include <cstdio>
#include <iostream>
#include <string>

#include "proxy.hpp"

int main(int argc, char** argv) {
  using namespace patio::chaos;
  if (argc != 4) {
    std::cerr << "usage: chaos_proxy PORT SEED MEAN_BYTES\n";
    return 2;
  }
  patio::endpoint server{"127.0.0.1", static_cast<std::uint16_t>(std::stoul(argv[1]))};
  proxy between{server, {.seed = std::stoull(argv[2]), .mean_bytes = std::stod(argv[3])}};
  std::cout << "listening on " << patio::to_string(between.where()) << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    if (line == "stop") between.stop_faults();
  std::cout << "faults";
  auto counts = between.faults();
  for (std::size_t i = 0; i < fault_kinds; ++i)
    std::cout << ' ' << fault_names[i] << '=' << counts[i];
  std::cout << " login=" << between.login_faults() << " connections=" << between.connections()
            << std::endl;
}
