// Serves one function on IPv4 and IPv6 until SIGINT or SIGTERM. Arguments: the ports (default 15383
// and 15384).
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::service svc;
  svc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  std::string v4 = argc > 1 ? argv[1] : "15383", v6 = argc > 2 ? argv[2] : "15384";
  for (const auto& where : {"127.0.0.1:" + v4, "[::1]:" + v6})
    std::cout << "listening on " << patio::to_string(svc.listen(where)) << std::endl;
  svc.run();
}
