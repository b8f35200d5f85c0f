// Functions that answer later, on the actor system's own threads: a worker is taken, but no thread
// waits.
#include <iostream>

#include <patio/patio.hpp>

// The promise may be kept by any actor; here it is one that an alarm clock wakes.
caf::result<std::string> later(caf::event_based_actor* self, std::string text) {
  auto promise = self->make_response_promise<std::string>();
  auto alarm = self->spawn([promise, text](caf::event_based_actor*) -> caf::behavior {
    return {[promise, text](caf::ok_atom) mutable { promise.deliver(text + ", after a while"); }};
  });
  self->delayed_send(alarm, std::chrono::milliseconds{5}, caf::ok_atom::value);
  return promise;
}

int main() {
  patio::registry rpc;
  rpc.add("later", later);

  patio::system_config config;
  caf::actor_system sys{config};
  auto broker =
    patio::spawn_memory_broker(sys, patio::spawn_async_pool(sys, rpc, {.workers = 100}));

  std::vector<patio::call_future<std::string>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(patio::call<std::string>(broker, "later", "number " + std::to_string(i)));
  for (auto& answer : answers)
    if (auto text = answer.get(); &answer == &answers.back()) std::cout << text << '\n';
}
