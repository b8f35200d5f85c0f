// A program that embeds the library, with a configuration of its own and without block_signals(). A
// test starts it without standard descriptors.
#include <cstdlib>

#include <caf/io/middleman.hpp>

#include <patio/patio.hpp>

using namespace patio;

namespace {

std::int64_t call_through_tcp(caf::actor_system& sys, const registry& rpc) {
  owned_broker server{spawn_tcp_broker(sys, spawn_async_pool(sys, rpc))};
  auto where = listen(server, "127.0.0.1:0").value();
  owned_broker client{spawn_tcp_broker(sys, null_executor())};
  (void)connect(client, where).get().value();
  std::int64_t sum = 0;
  for (int i = 0; i < 500; ++i) {
    log(log_level::warning, "event=test reason=\"this must not run into a socket or pipe\"");
    sum = call<std::int64_t>(client, "add", sum, 1).get();
  }
  return sum;
}

} // namespace

int main() {
  registry rpc;
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system sys{config};
  return call_through_tcp(sys, rpc) == 500 ? 0 : 1;
}
