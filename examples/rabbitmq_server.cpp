// A node that serves a function at RabbitMQ until SIGINT or SIGTERM. Argument: the URL of RabbitMQ.
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  patio::block_signals();
  patio::registry rpc;
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });

  patio::system_config config;
  caf::actor_system sys{config};
  patio::rabbitmq_options options{.url = argv[1]};
  // mul may run twice, so another server takes over the calls of a server that is lost.
  options.functions["mul"].on_redelivery = patio::redelivery::at_least_once;
  patio::owned_broker node{
    patio::spawn_rabbitmq_broker(sys, patio::spawn_thread_pool(sys, rpc), options)};
  if (auto connected = patio::ready(node).get(); !connected) {
    std::cerr << patio::to_string(connected.error()) << '\n';
    return 1;
  }
  std::cout << "serving" << std::endl;
  patio::wait_for_signal();
}
