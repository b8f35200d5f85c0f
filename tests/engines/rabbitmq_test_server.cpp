// Serves functions at RabbitMQ until a signal ends this program. Arguments: the URL, and "again"
// for functions that may run twice. Prints "serving", and "started" when a function begins that the
// test can kill.
#include <iostream>
#include <string>

#include <patio/patio.hpp>

int main(int argc, char** argv) {
  patio::block_signals();
  if (argc < 3) return 2;
  bool may_repeat = std::string{argv[2]} == "again";
  patio::registry rpc;
  rpc.add("one", [] { return 1; });
  rpc.add("echo", [](patio::value v) { return v; });
  auto hang = [](std::stop_token stop) -> std::int64_t {
    std::cout << "started" << std::endl;
    std::string line;
    std::getline(std::cin, line);
    return stop.stop_requested() ? 0 : 2;
  };
  rpc.add(may_repeat ? "again" : "hang", hang);
  patio::system_config config;
  caf::actor_system sys{config};
  patio::rabbitmq_options options{.url = argv[1]};
  if (may_repeat) options.serve.on_redelivery = patio::redelivery::at_least_once;
  patio::owned_broker node{
    patio::spawn_rabbitmq_broker(sys, patio::spawn_thread_pool(sys, rpc), options)};
  if (auto ok = patio::ready(node).get(); !ok) {
    std::cerr << patio::to_string(ok.error()) << '\n';
    return 1;
  }
  std::cout << "serving" << std::endl;
  patio::wait_for_signal();
}
