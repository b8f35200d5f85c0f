// A remote function is a typed actor. Requests, delegation and monitors work like those of any
// other actor.
#include <iostream>

#include <patio/patio.hpp>

using adder = patio::function_actor<std::int64_t(std::int64_t, std::int64_t)>;

// Delegates each request to another actor, which may be in another process.
adder::behavior_type front(adder::pointer self, const adder& remote) {
  return {[self, remote](std::int64_t a, std::int64_t b) { return self->delegate(remote, a, b); }};
}

void caller(caf::event_based_actor* self, const adder& add, std::promise<void>& done) {
  self->request(add, std::chrono::seconds{5}, std::int64_t{6}, std::int64_t{7})
    .then(
      [&done](std::int64_t sum) {
        std::cout << "6 + 7 = " << sum << '\n';
        done.set_value();
      },
      [&done](const caf::error& why) {
        std::cout << patio::to_string(patio::from_caf(why)) << '\n';
        done.set_value();
      });
}

int main() {
  patio::registry rpc;
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  patio::system_config config;
  caf::actor_system sys{config};
  patio::owned_broker server{patio::spawn_tcp_broker(sys, patio::spawn_async_pool(sys, rpc))};
  patio::owned_broker client{patio::spawn_tcp_broker(sys, patio::null_executor())};
  auto where = patio::listen(server, "127.0.0.1:0").value();
  patio::connect(client, where);

  patio::remote<std::int64_t(std::int64_t, std::int64_t)> add{client, "add"};
  std::promise<void> done;
  sys.spawn([&](caf::event_based_actor* self) { caller(self, sys.spawn(front, add), done); });
  done.get_future().wait();
}
