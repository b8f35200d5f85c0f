#include <iostream>
#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::service svc{{.key = "secret"}};
  svc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  auto where = svc.listen(argv[1]);
  std::cout << "listening on " << patio::to_string(where) << std::endl;
  svc.run();
}
