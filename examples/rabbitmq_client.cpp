// Calls a function at RabbitMQ. Argument: the URL of RabbitMQ.
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  using namespace std::chrono_literals;
  patio::service svc;
  svc.connect(argv[1]);
  std::cout << patio::call<std::int64_t>(svc, {"mul", {.timeout = 10s}}, 6, 7).get() << '\n';
}
