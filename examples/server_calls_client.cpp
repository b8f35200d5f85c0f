// Either side of a connection may call the other. Here the node that listens calls a function of
// the node that dialled it.
#include <iostream>

#include <patio/patio.hpp>

int main() {
  patio::registry worker_functions;
  worker_functions.add("greet", [](std::string name) { return "hello, " + name; });

  patio::system_config config;
  caf::actor_system sys{config};
  auto server = patio::spawn_tcp_broker(sys, patio::null_executor(), {.key = "a shared secret"});
  auto worker = patio::spawn_tcp_broker(sys, patio::spawn_async_pool(sys, worker_functions),
                                        {.key = "a shared secret"});

  auto where = patio::listen(server, "127.0.0.1", 0).value();
  patio::connect(worker, where.host, where.port);
  // The call waits up to five seconds for a peer that serves "greet".
  std::cout << patio::call<std::string>(server, "greet", "client").get() << '\n';
  patio::shut_down(worker);
  patio::shut_down(server);
}
