#include <iostream>
#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::service svc{{.key = "secret"}};
  svc.connect(argv[1]);
  patio::remote<std::int64_t(std::int64_t, std::int64_t)> add{svc, "add"};
  std::cout << add(6, 7).get() << '\n';
}
