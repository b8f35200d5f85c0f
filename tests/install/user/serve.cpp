// Serves one function at the address that is its argument, and calls it over TCP itself.
#include <cstdint>
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::service server{{.key = "secret"}};
  server.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  auto where = server.listen(argv[1]);

  patio::service client{{.key = "secret"}};
  client.connect(patio::to_string(where));
  std::cout << "add(6, 7) is " << patio::call<std::int64_t>(client, "add", 6, 7).get() << '\n'
            << "listening on " << patio::to_string(where) << std::endl;
  server.run();
}
