// Calls functions of its peers and serves none. Arguments: HOST:PORT of one or more peers.
#include <iostream>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::service svc;
  for (int i = 1; i < argc; ++i) svc.connect(argv[i]);
  std::vector<patio::call_future<std::int64_t>> squares;
  for (int i = 0; i < 10; ++i) squares.push_back(patio::call<std::int64_t>(svc, "mul", i, i));
  for (auto& square : squares) std::cout << square.get() << ' ';
  std::cout << '\n';
}
