// A node that calls a function at RabbitMQ. Argument: the URL of RabbitMQ.
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  using namespace std::chrono_literals;
  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_rabbitmq_broker(sys, patio::null_executor(), {.url = argv[1]});
  patio::shut_down_at_exit end{node};
  try {
    auto product = patio::call<std::int64_t>(node, {"mul", {.timeout = 10s}}, 6, 7);
    std::cout << product.get() << '\n';
  } catch (const patio::call_error& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
