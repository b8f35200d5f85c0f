// Either side of a connection may call the other. Here the service that listens calls a function of
// the service that dialled it.
#include <iostream>

#include <patio/patio.hpp>

int main() {
  patio::service server{{.key = "a shared secret"}};
  auto where = server.listen("127.0.0.1:0");

  patio::service worker{{.key = "a shared secret"}};
  worker.add("greet", [](std::string name) { return "hello, " + name; });
  worker.connect(patio::to_string(where));

  std::cout << patio::call<std::string>(server, "greet", "client").get() << '\n';
}
